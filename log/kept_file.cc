#include "log/kept_file.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"
#include "log/frame_contents.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {
namespace {

constexpr std::uint32_t kSpanInstalled = 1;

// The file's last 16 bytes: where the index frame stands.
std::string encode_end(std::uint32_t index_at, std::uint32_t seed) {
  std::string end;
  ByteWriter(&end).fixed32(index_at);
  const std::uint32_t crc = crc32c(end, seed);
  ByteWriter(&end).fixed32(crc);
  end.append(format::kKeptEndMagic);
  PAWL_CHECK(end.size() == format::kKeptEndBytes);
  return end;
}

std::optional<std::uint32_t> decode_end(std::string_view bytes, std::uint32_t seed) {
  ByteReader in(bytes);
  const std::uint32_t index_at = in.fixed32();
  if (bytes != encode_end(index_at, seed)) return std::nullopt;
  return index_at;
}

void encode_head(const KeptFile& file, std::string* out) {
  ByteWriter w(out);
  w.varint(file.entries);
  w.varint(file.runs);
  w.varint(file.spans.size());
  for (const KeptSpan& span : file.spans) {
    w.varint(span.group.v);
    w.varint(span.from.v);
    w.varint(span.through.v);
    w.varint(span.installed ? kSpanInstalled : 0);
  }
  w.varint(file.replaces.size());
  for (const std::uint64_t number : file.replaces) w.varint(number - format::kKeptNumberBase);
}

bool decode_spans(ByteReader* in, std::vector<KeptSpan>* spans) {
  const std::uint64_t count = in->varint();
  if (count > static_cast<std::uint64_t>(limits::kGroupsMax)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    KeptSpan span;
    const std::uint64_t group = in->varint();
    span.group = GroupId(static_cast<std::uint16_t>(group));
    span.from = Index(in->varint());
    span.through = Index(in->varint());
    const std::uint64_t flags = in->varint();
    span.installed = flags == kSpanInstalled;
    const bool ascends = spans->empty() || spans->back().group < span.group;
    if (group >= static_cast<std::uint64_t>(limits::kGroupsMax) || !ascends ||
        flags > kSpanInstalled || span.from >= span.through) {
      return false;
    }
    spans->push_back(span);
  }
  return in->ok();
}

bool decode_head(ByteReader* in, KeptFile* file) {
  file->entries = in->varint();
  file->runs = in->varint();
  if (!decode_spans(in, &file->spans)) return false;
  const std::uint64_t count = in->varint();
  if (count > in->remaining()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = format::kKeptNumberBase + in->varint();
    if (number <= format::kKeptNumberBase || number >= file->number) return false;
    file->replaces.push_back(number);
  }
  return in->ok();
}

// Such a file was made by a build that copied what a segment had besides another kept file.
bool has_unspoken(const KeptFile& file) {
  for (std::uint16_t g = 0; g < limits::kGroupsMax; ++g) {
    const KeptSpan* span = file.span(GroupId(g));
    const Index before = span == nullptr ? Index(UINT64_MAX) : span->from;
    if (file.places.find(file.number, GroupId(g), before)) return true;
  }
  return false;
}

}  // namespace

// --- places ---

void KeptFile::Places::note(GroupId group, Index index) {
  PAWL_CHECK(!frames_.empty());
  if (groups_.size() <= group.v) groups_.resize(group.v + std::size_t{1});
  std::vector<Anchor>& anchors = groups_[group.v];
  while (!anchors.empty() && anchors.back().first >= index.v) {
    anchors.pop_back();
    --anchor_count_;
  }
  const auto frame = static_cast<std::uint32_t>(frames_.size() - 1);
  if (!anchors.empty() && anchors.back().frame == frame) return;
  anchors.push_back({index.v, frame});
  ++anchor_count_;
}

std::optional<Place> KeptFile::Places::find(std::uint64_t number, GroupId group,
                                            Index index) const {
  if (group.v >= groups_.size()) return std::nullopt;
  const std::vector<Anchor>& anchors = groups_[group.v];
  const auto after = std::upper_bound(
      anchors.begin(), anchors.end(), index.v,
      [](std::uint64_t wanted, const Anchor& anchor) { return wanted < anchor.first; });
  if (after == anchors.begin()) return std::nullopt;
  const Frame& frame = frames_[std::prev(after)->frame];
  return Place{number, frame.offset, frame.bytes};
}

void KeptFile::Places::encode(std::string* out) const {
  ByteWriter w(out);
  w.varint(frames_.size());
  if (!frames_.empty()) w.varint(frames_.front().offset);
  for (const Frame& frame : frames_) w.varint(frame.bytes);
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].empty()) continue;
    w.varint(group);
    w.varint(groups_[group].size());
    Anchor before;
    for (const Anchor& anchor : groups_[group]) {
      w.varint(anchor.first - before.first);
      w.varint(anchor.frame - before.frame);
      before = anchor;
    }
  }
}

bool KeptFile::Places::decode(ByteReader* in, std::uint32_t begin, std::uint32_t end) {
  const std::uint64_t frames = in->varint();
  if (frames > in->remaining()) return false;
  std::uint64_t at = frames > 0 ? in->varint() : begin;
  if (at < begin) return false;
  for (std::uint64_t i = 0; i < frames; ++i) {
    const std::uint64_t bytes = in->varint();
    if (bytes == 0 || bytes > end || at + bytes > end) return false;
    frames_.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(bytes)});
    at += bytes;
  }
  if (frames > 0 && at != end) return false;
  while (in->ok() && !in->at_end()) {
    const std::uint64_t group = in->varint();
    const std::uint64_t count = in->varint();
    if (group >= static_cast<std::uint64_t>(limits::kGroupsMax) || group < groups_.size() ||
        count == 0 || count > frames) {
      return false;
    }
    groups_.resize(group + 1);
    Anchor anchor;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t step = in->varint();
      const std::uint64_t frame = anchor.frame + in->varint();
      const bool ascends = step > 0 && (i == 0 || frame > anchor.frame) && frame < frames;
      if (!ascends || anchor.first + step < anchor.first) return false;
      anchor = {anchor.first + step, static_cast<std::uint32_t>(frame)};
      groups_[group].push_back(anchor);
      ++anchor_count_;
    }
  }
  return in->ok();
}

const KeptSpan* KeptFile::span(GroupId group) const {
  const auto found = std::find_if(spans.begin(), spans.end(),
                                  [group](const KeptSpan& s) { return s.group == group; });
  return found == spans.end() ? nullptr : &*found;
}

bool KeptFile::has_dictionary() const {
  const std::uint32_t begin = places.first_frame() > 0 ? places.first_frame() : frames_end;
  return begin > format::kSegmentHeaderBytes;
}

// --- writing ---

KeptWriter::KeptWriter(FileSystem& files, std::string directory, const StoreId& store_id,
                       std::uint64_t number, std::shared_ptr<const Dictionary> dictionary)
    : files_(files),
      directory_(std::move(directory)),
      temporary_(join(directory_, segment_name(number).append(format::kTemporarySuffix))),
      store_id_(store_id),
      seed_(frame_seed(store_id, number)) {
  PAWL_CHECK(number > format::kKeptNumberBase);
  file_.number = number;
  compressor_.use(std::move(dictionary));
}

FrameHeader KeptWriter::where() const {
  FrameHeader header;
  header.segment = file_.number;
  header.offset = static_cast<std::uint32_t>(offset_);
  return header;
}

absl::Status KeptWriter::write(std::string_view bytes) {
  absl::Status written = files_.write(temporary_, offset_, bytes);
  offset_ += bytes.size();
  return written;
}

// The header and the dictionary go first; a leftover of the same name goes away.
absl::Status KeptWriter::start() {
  if (started_) return absl::OkStatus();
  started_ = true;
  absl::Status gone = files_.remove(temporary_);
  if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  std::string head;
  encode(
      SegmentHeader{store_id_, file_.number, format::kCompressedLevel, format::kSegmentFlagKept, 0},
      &head);
  if (const Dictionary* dictionary = compressor_.dictionary().get(); dictionary != nullptr) {
    std::string payload = dictionary->bytes();
    FrameHeader header = where();
    header.offset = static_cast<std::uint32_t>(head.size());
    header.flags = format::kFrameFlagDictionary;
    header.dictionary = dictionary->id();
    header.raw_bytes = header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    payload.resize(format::aligned(payload.size()));
    header.payload_crc = crc32c(payload, seed_);
    encode(header, seed_, &head);
    head.append(payload);
  }
  return write(head);
}

absl::Status KeptWriter::append(GroupId group, Term term, Index index, std::string_view payload) {
  const bool room = frame_.has_room(payload.size()) &&
                    frame_.payload_bytes() + payload.size() <= limits::kIndexExtentRawBytes;
  if (status_.ok() && !frame_.empty() && !room) status_ = flush();
  if (status_.ok()) status_ = start();
  if (!status_.ok()) return status_;
  if (frame_.empty()) file_.places.begin_frame(static_cast<std::uint32_t>(offset_));
  frame_.append(group, term, index, payload);
  file_.places.note(group, index);
  ++file_.entries;
  return absl::OkStatus();
}

absl::Status KeptWriter::flush() {
  if (frame_.empty()) return absl::OkStatus();
  const std::string_view bytes = frame_.finish(where(), seed_, {}, &compressor_);
  const std::uint32_t frame_bytes = frame_.frame_bytes();
  absl::Status written = write(bytes.substr(0, frame_bytes));
  file_.places.end_frame(frame_bytes);
  frame_.reset();
  return written;
}

absl::Status KeptWriter::sync() {
  if (!status_.ok() || unsynced_bytes() == 0) return status_;
  status_ = files_.sync(temporary_);
  synced_ = offset_;
  return status_;
}

// An anchor takes at most 15 bytes of the index.
bool KeptWriter::full() const {
  return offset_ >= limits::kKeptFileBytesMax ||
         file_.places.anchors() >= limits::kBatchBytesMax / 32;
}

absl::Status KeptWriter::write_index(KeptFile* file) {
  std::string payload;
  encode_head(*file, &payload);
  file->places.encode(&payload);
  FrameHeader header = where();
  header.flags = format::kFrameFlagIndex;
  header.raw_bytes = header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  payload.resize(format::aligned(payload.size()));
  header.payload_crc = crc32c(payload, seed_);
  file->frames_end = header.offset;
  std::string bytes;
  encode(header, seed_, &bytes);
  bytes.append(payload);
  bytes.append(encode_end(header.offset, seed_));
  return write(bytes);
}

absl::StatusOr<KeptFile> KeptWriter::commit(std::vector<KeptSpan> spans,
                                            std::vector<std::uint64_t> replaces,
                                            std::uint64_t runs) {
  if (status_.ok()) status_ = start();
  if (status_.ok()) status_ = flush();
  file_.spans = std::move(spans);
  file_.replaces = std::move(replaces);
  file_.runs = runs;
  if (status_.ok()) status_ = write_index(&file_);
  if (status_.ok()) status_ = sync();
  const std::string path = join(directory_, segment_name(file_.number));
  if (status_.ok()) status_ = files_.rename(temporary_, path);
  if (status_.ok()) status_ = files_.sync_directory(directory_);
  if (!status_.ok()) return status_;
  file_.bytes = offset_;
  return std::move(file_);
}

absl::Status KeptWriter::discard() {
  if (!started_) return absl::OkStatus();
  absl::Status removed = files_.remove(temporary_);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

// --- reading ---

absl::StatusOr<KeptFile> read_kept_file(FileSystem& files, const std::string& directory,
                                        const StoreId& store_id, std::uint32_t feature_level,
                                        std::uint64_t number, std::uint64_t file_bytes) {
  std::string buffer;
  SegmentReader reader(files, join(directory, segment_name(number)), file_bytes, &buffer);
  SegmentHeader header;
  StoreId of_store = store_id;
  absl::Status status = reader.read_header(number, feature_level, &of_store, &header);
  if (!status.ok()) return status;
  if (header.flags != format::kSegmentFlagKept) {
    return damage(reader.path(), 44, "the file is none of those that keep old entries");
  }
  if (file_bytes > 0xffff'ffff ||
      file_bytes < format::kSegmentHeaderBytes + format::kKeptEndBytes) {
    return damage(reader.path(), file_bytes, "the file is cut short, or none of ours,");
  }
  const std::uint32_t seed = frame_seed(store_id, number);
  const std::uint64_t end_at = file_bytes - format::kKeptEndBytes;
  const auto end = reader.view(end_at, format::kKeptEndBytes);
  if (!end.ok()) return end.status();
  const auto index_at = decode_end(*end, seed);
  if (!index_at) return damage(reader.path(), end_at, "the end of the file is damaged");
  FrameHeader frame;
  std::string_view payload;
  const auto state = reader.frame_at(seed, number, *index_at, &frame, &payload);
  if (!state.ok()) return state.status();
  KeptFile file;
  file.number = number;
  file.bytes = file_bytes;
  file.frames_end = *index_at;
  ByteReader in(payload);
  const bool sound = *state == FrameState::kWhole && frame.flags == format::kFrameFlagIndex &&
                     frame.codec == format::kCodecRaw &&
                     *index_at + frame.frame_bytes() == end_at && decode_head(&in, &file) &&
                     file.places.decode(&in, format::kSegmentHeaderBytes, *index_at);
  if (!sound) return damage(reader.path(), *index_at, "the file's index is damaged");
  file.has_void = has_unspoken(file);
  return file;
}

absl::StatusOr<KeptFile> read_whole_kept_file(FileSystem& files, const std::string& directory,
                                              const StoreId& store_id, std::uint32_t feature_level,
                                              std::uint64_t number, std::uint64_t file_bytes) {
  auto file = read_kept_file(files, directory, store_id, feature_level, number, file_bytes);
  if (!file.ok()) return file;
  std::string buffer;
  SegmentReader reader(files, join(directory, segment_name(number)), file_bytes, &buffer);
  const std::uint32_t seed = frame_seed(store_id, number);
  for (std::uint64_t at = format::kSegmentHeaderBytes; at < file->frames_end;) {
    FrameHeader frame;
    std::string_view payload;
    const auto state =
        reader.frame_at(seed, number, static_cast<std::uint32_t>(at), &frame, &payload);
    if (!state.ok()) return state.status();
    if (*state != FrameState::kWhole || at + frame.frame_bytes() > file->frames_end) {
      return damage(reader.path(), at, "a frame is damaged");
    }
    at += frame.frame_bytes();
  }
  return file;
}

}  // namespace pawl::log
