// Log entries, what they carry, and a snapshot's tables, on arbitrary bytes: what is read stays
// inside its bounds, fits what it is folded into or is refused, and comes back the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/digest.h"
#include "codecs/entry.h"
#include "engine/catalog.h"
#include "engine/event_bytes.h"
#include "engine/tables.h"
#include "tests/codecs/entry_samples.h"

namespace {

using namespace pawl;
using namespace pawl::codecs;

void read_events(std::string_view bytes) {
  std::vector<engine::Event> events, again;
  if (!engine::decode_events(bytes, nullptr, Seq(1), &events).ok()) return;
  std::string once, twice;
  engine::encode_events(events, &once);
  PAWL_CHECK(engine::decode_events(once, nullptr, Seq(1), &again).ok());
  engine::encode_events(again, &twice);
  PAWL_CHECK(once == twice);
  engine::Tables tables{GroupId(1)};
  engine::Applied applied;
  if (tables.apply_run(Index(1), Index(1), TimeMs(1), events, &applied)) {
    PAWL_CHECK(tables.check_invariants() == "");
  }
}

void check_same(const engine::Catalog& catalog) {
  std::string bytes;
  catalog.encode(&bytes);
  engine::Catalog again;
  PAWL_CHECK(again.decode(bytes));
  PAWL_CHECK(again == catalog);
}

void read_catalog(std::string_view bytes) {
  std::vector<engine::CatalogEvent> events;
  engine::Catalog catalog;
  if (engine::decode_catalog_events(bytes, &events)) {
    for (const engine::CatalogEvent& event : events) {
      if (!catalog.apply(event)) break;
    }
    check_same(catalog);
  }
  if (catalog.decode(bytes)) check_same(catalog);
}

void read_tables(std::string_view bytes) {
  engine::Tables tables{GroupId(1)};
  const bool read = engine::Tables::decode(bytes, &tables);
  if (!read && !engine::Tables::decode_format_2(bytes, &tables)) return;
  PAWL_CHECK(tables.check_invariants() == "");
  std::string once, twice;
  tables.encode(&once);
  engine::Tables again{GroupId(1)};
  PAWL_CHECK(engine::Tables::decode(once, &again));
  again.encode(&twice);
  PAWL_CHECK(once == twice);
}

void read_entry(std::string_view bytes) {
  static EntryEncoder* const encoder = new EntryEncoder;
  Entry entry, again;
  std::string error;
  if (!decode_entry(bytes, &entry, &error)) {
    PAWL_CHECK(!error.empty());
    return;
  }
  PAWL_CHECK(decode_entry(encoder->encode(entry), &again, &error));
  PAWL_CHECK(again == entry);
  read_events(entry.events);
  read_catalog(entry.catalog);
}

// A true entry with the input xored over it, so that the depths are reached at once.
void edit_entry(std::string_view bytes) {
  EntryEncoder encoder;
  std::string edited(encoder.encode(full_entry()));
  for (std::size_t i = 0; i < bytes.size() && i < edited.size(); ++i) edited[i] ^= bytes[i];
  read_entry(edited);
}

}  // namespace

// The first byte says what the rest is taken for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool prepared = (prepare_digests(), true);
  PAWL_CHECK(prepared);
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      read_entry(bytes);
      break;
    case 1:
      edit_entry(bytes);
      break;
    case 2:
      read_events(bytes);
      break;
    case 3:
      read_catalog(bytes);
      break;
    case 4:
      read_tables(bytes);
      break;
  }
  return 0;
}
