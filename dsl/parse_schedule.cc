#include "dsl/parse_schedule.h"

#include <algorithm>

#include "base/feature_level.h"
#include "base/limits.h"
#include "dsl/parse_table.h"
#include "dsl/parse_value.h"
#include "dsl/zone.h"

namespace pawl::dsl {
namespace {

constexpr std::int64_t kEveryMsMin = 1000;

// As engine/run_id has it for ids that clients give.
bool is_segment(std::string_view segment) {
  constexpr std::string_view kSigns = "._:@~-";
  return !segment.empty() && segment != "." && segment != ".." &&
         std::all_of(segment.begin(), segment.end(), [&](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kSigns.find(c) != std::string_view::npos;
         });
}

bool is_run_id(std::string_view id) {
  if (id.size() > limits::kRunIdBytesMax) return false;
  for (std::size_t slash = id.find('/'); slash != std::string_view::npos; slash = id.find('/')) {
    if (!is_segment(id.substr(0, slash))) return false;
    id.remove_prefix(slash + 1);
  }
  return is_segment(id);
}

class ScheduleParser {
 public:
  ScheduleParser(const TomlNode& node, const Fields* input, ParseContext* context)
      : node_(node),
        input_(input),
        context_(context),
        diagnostics_(context->diagnostics),
        table_(node, "[schedule." + node.key + "]", diagnostics_) {
    scope_.emplace("schedule", schedule_type());
  }

  Schedule run() {
    schedule_.name = node_.key;
    schedule_.line = node_.mark().line;
    if (!table_.is_table()) return std::move(schedule_);
    parse_times();
    parse_policies();
    parse_start();
    if (const TomlNode* x = table_.take("enabled")) {
      schedule_.enabled = read_boolean(*x, diagnostics_).value_or(true);
    }
    table_.finish();
    return std::move(schedule_);
  }

 private:
  void parse_times() {
    const TomlNode* cron = table_.take("cron");
    const TomlNode* every = table_.take("every");
    const TomlNode* zone = table_.take("tz");
    if ((cron == nullptr) == (every == nullptr)) {
      diagnostics_->error((every != nullptr ? every : &node_)->mark(),
                          "a schedule has either `cron` or `every`",
                          R"(cron = "30 4 * * MON-FRI" or every = "15m")");
    }
    if (cron != nullptr) parse_cron_text(*cron);
    if (every != nullptr) parse_every(*every);
    if (zone != nullptr) parse_zone(*zone, cron != nullptr);
  }

  void parse_cron_text(const TomlNode& node) {
    const std::optional<std::string> text = read_string(node, diagnostics_);
    if (!text) return;
    Cron cron;
    CronError error;
    if (parse_cron(*text, &cron, &error)) {
      schedule_.cron = cron;
      schedule_.cron_text = *text;
      return;
    }
    const Place place = text->empty()
                            ? node.place
                            : place_in_string(*diagnostics_, node, error.offset, error.length);
    diagnostics_->error(place, std::move(error.message), std::move(error.hint));
  }

  void parse_every(const TomlNode& node) {
    schedule_.every_ms = read_duration_ms(node, diagnostics_).value_or(0);
    if (schedule_.every_ms > 0 && schedule_.every_ms < kEveryMsMin) {
      diagnostics_->error(node.place, "a schedule fires at most once a second",
                          "a loop of a task and a `sleep` may go round faster");
    }
  }

  void parse_zone(const TomlNode& node, bool of_cron) {
    if (!of_cron) {
      diagnostics_->error(node.mark(), "`tz` goes with `cron`",
                          "intervals count from 1970-01-01T00:00:00Z, whatever clocks show");
    }
    const std::optional<std::string> name = read_string(node, diagnostics_);
    int offset = 0;
    if (!name || zone_offset(*name, 0, &offset)) {
      schedule_.zone = name.value_or("UTC");
      return;
    }
    std::string hint = diagnostics_->did_you_mean(*name, zone_names());
    if (hint.empty()) hint = R"(a name of the tz database, such as "Europe/Paris" or "UTC")";
    diagnostics_->error(node.place, "unknown time zone " + quoted(*name), std::move(hint));
  }

  void parse_policies() {
    if (const TomlNode* x = table_.take("jitter")) {
      schedule_.jitter_ms = read_duration_ms(*x, diagnostics_).value_or(0);
      if (schedule_.every_ms > 0 && schedule_.jitter_ms >= schedule_.every_ms) {
        diagnostics_->error(x->place, "`jitter` must be shorter than `every`",
                            "a firing would come after the next one");
      }
    }
    if (const TomlNode* x = table_.take("overlap")) {
      schedule_.overlap = read_choice<Overlap>(*x,
                                               {{"skip", Overlap::skip},
                                                {"buffer_one", Overlap::buffer_one},
                                                {"buffer_all", Overlap::buffer_all},
                                                {"cancel_other", Overlap::cancel_other},
                                                {"terminate_other", Overlap::terminate_other},
                                                {"allow_all", Overlap::allow_all}},
                                               diagnostics_)
                              .value_or(Overlap::skip);
    }
    if (const TomlNode* x = table_.take("missed")) {
      schedule_.missed =
          read_choice<Missed>(
              *x, {{"latest", Missed::latest}, {"all", Missed::all}, {"none", Missed::none}},
              diagnostics_)
              .value_or(Missed::latest);
    }
    if (const TomlNode* x = table_.take("catchup")) {
      schedule_.catchup_ms = read_duration_ms(*x, diagnostics_).value_or(schedule_.catchup_ms);
      if (schedule_.missed == Missed::none) {
        diagnostics_->warning(x->mark(), "`catchup` says nothing where missed = \"none\"");
      }
    }
  }

  void parse_start() {
    if (const TomlNode* x = table_.take("id")) {
      schedule_.id = parse_template_of(*x, scope_, SchemaType::string, context_);
      const Template& id = *schedule_.id;
      if (id.is_literal() && id.literal.kind() == Kind::string &&
          !is_run_id(id.literal.as_string())) {
        diagnostics_->error(x->place, quoted(id.literal.as_string()) + " is no run's id",
                            "letters, digits and ._:@~- in segments with / between them");
      }
    }
    std::optional<Schema> wanted;
    if (input_ != nullptr) {
      wanted.emplace();
      wanted->type = SchemaType::map;
      wanted->fields = std::make_shared<const Fields>(*input_);
    }
    if (const TomlNode* x = table_.take("with")) {
      schedule_.with = parse_template(*x, scope_, wanted ? &*wanted : nullptr, context_);
      return;
    }
    if (input_ == nullptr) return;
    for (const auto& [name, schema] : input_->items) {
      if (schema.optional || schema.default_value) continue;
      diagnostics_->error(node_.mark(), "this schedule needs `with`",
                          "[input] declares the field " + quoted(name));
      return;
    }
  }

  const TomlNode& node_;
  const Fields* input_;
  ParseContext* context_;
  DiagnosticList* diagnostics_;
  TableReader table_;
  Environment scope_;
  Schedule schedule_;
};

}  // namespace

std::vector<Schedule> parse_schedules(const TomlNode& node, const Fields* input,
                                      ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  context->feature_level = std::max(context->feature_level, kScheduleLevel);
  std::vector<Schedule> out;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, "`schedule`", "tables [schedule.NAME]", diagnostics);
    return out;
  }
  if (node.children.size() > limits::kSchedulesMax) {
    diagnostics->error(node.mark(), std::to_string(node.children.size()) + " schedules; at most " +
                                        std::to_string(limits::kSchedulesMax) + " are allowed");
    return out;
  }
  for (const TomlNode& child : node.children) {
    check_name(child.key, child.mark(), "a schedule", diagnostics);
    if (child.key.find('.') != std::string::npos) {
      diagnostics->error(child.mark(), "a schedule's name has no `.`",
                         "its full name is WORKFLOW.NAME");
    }
    out.push_back(ScheduleParser(child, input, context).run());
  }
  std::sort(out.begin(), out.end(),
            [](const Schedule& a, const Schedule& b) { return a.name < b.name; });
  return out;
}

}  // namespace pawl::dsl
