// `pawl journal inspect`, `verify`, `dump`: a store's files looked at, without a daemon or beside
// one. They change nothing.
#include "cli/command.h"
#include "cli/journal_look.h"
#include "cli/store_directory.h"

namespace pawl::cli {
namespace {

class JournalCommand : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &wish_.verb,
                    "inspect: which files there are and what they hold; verify: check every byte; "
                    "dump: print every entry as a line of JSON");
    arguments.value("DIR", &wish_.directory,
                    "The data directory of a box (else --data, else the configuration's)");
    store_.declare(arguments, "The same");
    arguments.option("--group", "GROUP", &wish_.group, "dump: entries of this group alone");
    arguments.option("--run", "RUN", &wish_.run, "dump: entries of the run with this id or uid");
    arguments.option("--from", "INDEX", &wish_.from, "dump: entries from this index on");
    arguments.option("--to", "INDEX", &wish_.to, "dump: entries up to this index");
    arguments.footer(
        "Nothing is changed, and a daemon may run meanwhile: bytes that it has not finished "
        "writing\nare no damage. Exit status 1 if anything is damaged.");
  }

  int run(Session& session) override {
    const bool dump = wish_.verb == "dump";
    const bool filtered = wish_.group || wish_.run || wish_.from || wish_.to;
    const bool known = dump || wish_.verb == "inspect" || wish_.verb == "verify";
    if (!known || (filtered && !dump) || (wish_.directory && store_.data)) {
      return session.refuse(kUsage,
                            "`journal` takes `inspect`, `verify` or `dump` and one data directory; "
                            "only `dump` takes --group, --run, --from and --to\nhint: `pawl "
                            "journal --help` shows what each does");
    }
    if (wish_.directory) store_.data = wish_.directory;
    const absl::StatusOr<StoreDirectory> store = find_store_directory(store_);
    if (!store.ok()) return session.refuse(store.status());
    JournalLook look(session, store->path);
    if (const absl::Status read = look.read(); !read.ok()) {
      const bool missing = absl::IsNotFound(read);
      const std::string text(read.message());
      return missing ? session.refuse(kNotFound, text) : session.refuse(kFailed, text);
    }
    if (dump) return dump_journal(session, look, wish_);
    return wish_.verb == "verify" ? verify_journal(session, look) : inspect_journal(session, look);
  }

 private:
  JournalWish wish_;
  StoreWish store_;
};

}  // namespace

std::unique_ptr<Command> make_journal() { return std::make_unique<JournalCommand>(); }

}  // namespace pawl::cli
