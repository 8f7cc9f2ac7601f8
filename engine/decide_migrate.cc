// A run goes on by another version of its workflow, in a new generation:
//
//   open --migrate, all of it has a place there--> the same, by that version   migration.h
//   open --migrate, something has none-----------> refused, with all that has none
//   open --migrate to its own version------------> duplicate
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/decider.h"
#include "engine/migration.h"

namespace pawl::engine {

void Decider::apply(const Migrate& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  PAWL_CHECK(context_.latest != nullptr);
  if (context_.latest_version == run_->version()) {
    decision_.duplicate = true;
    return;
  }
  const dsl::Definition& to = *context_.latest;
  if (!takes_runs_of(to, definition(), run_->identity->definition)) {
    const std::string& revision = definition().revision;
    return refuse(
        Refusal::migration_impossible,
        absl::StrCat("[migrate] of version ", context_.latest_version,
                     " does not take runs of version ", run_->version(), ": `from` must name ",
                     revision.empty() ? "" : "its revision `" + revision + "` or ", "its hash ",
                     to_hex(definition().hash)));
  }
  Migration migration = migrate(*run_, definition(), to, context_.latest_version, context_.now);
  if (!migration.reasons.empty()) {
    decision_.accepted = std::move(migration.reasons);
    const std::size_t count = decision_.accepted.size();
    if (count > limits::kMigrationReasonsMax) {
      decision_.accepted.resize(limits::kMigrationReasonsMax);
      decision_.accepted.push_back(
          absl::StrCat("and ", count - limits::kMigrationReasonsMax, " more"));
    }
    return refuse(Refusal::migration_impossible,
                  absl::StrCat(count, count == 1 ? " thing speaks" : " things speak",
                               " against version ", context_.latest_version));
  }
  RunRenewed renewed = renewal_of(*run_, std::move(migration.parts), Renewal::migrated);
  renewed.reason = command.reason;
  renewed.actor = context_.actor;
  if (!renewal_fits(renewed, permit_bytes(*run_->tree->permits))) return;
  const Shared<RunPermits> permits = run_->tree->permits;
  emit(std::move(renewed));
  renewed_ = &to;
  carry(*permits);
  if (run_->state_bytes > limits::kRunStateBytesMax) {
    return refuse(Refusal::too_big,
                  absl::StrCat("the run's state would take ", run_->state_bytes, " bytes, at most ",
                               limits::kRunStateBytesMax, " are allowed"));
  }
  take_up_waiting();
}

}  // namespace pawl::engine
