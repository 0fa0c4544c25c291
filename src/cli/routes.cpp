#include "cli/routes.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"
#include "cli/firewall_answers.h"
#include "query/json.h"

namespace ringwall::cli {

namespace {

using api::Call;
using api::Route;
using query::Query;

constexpr std::chrono::seconds kKeepAlive{15};
constexpr std::size_t kTailEventsMax = 200;

std::string text(const Call& call, const char* name) { return call.request.parameter(name).value_or(""); }

Result<std::size_t> count(const Call& call, const char* name, std::size_t otherwise, std::size_t maximum) {
  const auto given = call.request.parameter(name);
  if (!given.has_value()) return otherwise;
  std::size_t value = 0;
  const auto parsed = std::from_chars(given->data(), given->data() + given->size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != given->data() + given->size() || value == 0 || value > maximum) {
    return fail(Errc::kInvalid, fmt::format("{}: '{}' is not a number between 1 and {}", name, *given, maximum));
  }
  return value;
}

std::vector<std::string> list(const Call& call, const char* name, const std::string& otherwise) {
  std::vector<std::string> out;
  const std::string given = call.request.parameter(name).value_or(otherwise);
  for (std::size_t begin = 0; begin < given.size();) {
    const auto end = std::min(given.find(',', begin), given.size());
    if (end > begin) out.push_back(given.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Result<std::string> logs(Query& query, const Call& call) {
  query::LogsQuestion question;
  question.search = text(call, "q");
  question.range = RW_TRY(query.range(text(call, "from"), text(call, "to")));
  question.limit = RW_TRY(count(call, "limit", 100, query::kPageRowsMax));
  question.ascending = text(call, "order") == "asc";
  question.cursor = text(call, "cursor");
  return query::to_json(RW_TRY(query.logs(question)));
}

Result<std::string> traces(Query& query, const Call& call) {
  query::TracesQuestion question;
  question.search = text(call, "q");
  question.range = RW_TRY(query.range(text(call, "from"), text(call, "to")));
  question.limit = RW_TRY(count(call, "limit", 50, query::kTracesMax));
  question.min_duration_ms = std::strtod(text(call, "min_duration_ms").c_str(), nullptr);
  return query::to_json(RW_TRY(query.traces(question)));
}

Result<std::string> metric(Query& query, const Call& call) {
  query::MetricQuestion question;
  question.name = text(call, "name");
  question.range = RW_TRY(query.range(text(call, "from"), text(call, "to")));
  question.buckets = RW_TRY(count(call, "buckets", 60, query::kBucketsMax));
  question.by = list(call, "by", "");
  return query::to_json(RW_TRY(query.metric(question)));
}

Result<std::string> latency(Query& query, const Call& call) {
  const auto range = RW_TRY(query.range(text(call, "from"), text(call, "to")));
  const auto signal = call.request.parameter("signal").value_or("spans");
  if (signal != "spans" && signal != "logs") return fail(Errc::kInvalid, fmt::format("signal: '{}' is neither spans nor logs", signal));
  const auto every = RW_TRY_CTX("every", base::parse_duration(call.request.parameter("every").value_or("1m")));
  return query::to_json(RW_TRY(query.latency(signal == "logs" ? base::Signal::kLog : base::Signal::kSpan, range, every)));
}

Result<nlohmann::json> body_of(const Call& call) {
  auto body = nlohmann::json::parse(call.request.body, nullptr, false);
  if (!body.is_object()) return fail(Errc::kInvalid, "the body is not a JSON object");
  return body;
}

Result<std::string> sql(Query& query, const Call& call) {
  const auto body = RW_TRY(body_of(call));
  if (!body.contains("sql") || !body["sql"].is_string()) return fail(Errc::kInvalid, "the body is not {\"sql\":\"select …\"}");
  const auto limit = body.contains("limit") && body["limit"].is_number_unsigned() ? body["limit"].get<std::size_t>() : 1000;
  return query::to_json(RW_TRY(query.sql(body["sql"].get<std::string>(), std::min(limit, query::kSqlRowsMax))));
}

// One follower: a thread of its own, since it waits most of its life.  Ends with the client or the tail.
void follow(std::unique_ptr<query::Subscription> subscription, const std::shared_ptr<http::Stream>& stream) {
  auto quiet_since = std::chrono::steady_clock::now();
  while (stream->open()) {
    const auto piece = subscription->next(kTailEventsMax, std::chrono::milliseconds(500));
    std::string out;
    if (piece.skipped != 0) out += fmt::format("event: gap\ndata: {{\"skipped\":{}}}\n\n", piece.skipped);
    for (const auto& event : piece.events) {
      out += fmt::format("id: {}\nevent: log\ndata: ", query::to_text(event.position));
      query::append_json(out, query::log_row(*event.batch, event.position.record));
      out += "\n\n";
    }
    const auto now = std::chrono::steady_clock::now();
    if (out.empty() && now - quiet_since > kKeepAlive) out = ": still here\n\n";
    if (out.empty()) continue;
    quiet_since = now;
    if (!stream->write(out)) return;
  }
}

void tail(query::Tail& tail, const Call& call, const std::function<std::shared_ptr<http::Stream>()>& begin) {
  const auto last_id = std::string(call.request.header("last-event-id"));
  auto condition = query::understand(text(call, "q"), base::Signal::kLog);
  auto subscription = condition.ok() ? tail.subscribe(std::move(*condition), query::parse_tail_position(last_id))
                                     : Result<std::unique_ptr<query::Subscription>>(condition.error());
  const auto stream = begin();
  if (!subscription.ok()) {
    nlohmann::json error = {{"message", subscription.error().message}, {"hint", subscription.error().hint}};
    stream->write("event: failed\ndata: " + error.dump() + "\n\n");
    stream->close();
    return;
  }
  std::thread(follow, std::move(*subscription), stream).detach();
}

}  // namespace

std::vector<Route> make_routes(RouteSources sources) {
  Query* query = &sources.query;
  const auto range = [query](const Call& call) { return query->range(text(call, "from"), text(call, "to")); };
  const auto buckets = [](const Call& call) { return count(call, "buckets", 60, query::kBucketsMax); };
  const auto get = [](const char* pattern, std::function<Result<std::string>(const Call&)> answer) {
    return Route{.method = "GET", .pattern = pattern, .answer = std::move(answer)};
  };
  std::vector<Route> routes;
  routes.push_back(get("/api/v1/status", [status = sources.status](const Call& call) -> Result<std::string> { return status(call.local); }));
  routes.push_back(get("/api/v1/logs", [query](const Call& call) { return logs(*query, call); }));
  routes.push_back(get("/api/v1/logs/histogram", [=](const Call& call) -> Result<std::string> {
    return query::to_json(RW_TRY(query->histogram(text(call, "q"), RW_TRY(range(call)), RW_TRY(buckets(call)))));
  }));
  routes.push_back(get("/api/v1/logs/facets", [=](const Call& call) -> Result<std::string> {
    const auto fields = list(call, "fields", "service,level,host,source,status");
    return query::to_json(RW_TRY(query->facets(text(call, "q"), RW_TRY(range(call)), fields, RW_TRY(count(call, "limit", 10, query::kFacetValuesMax)))));
  }));
  Route live{.method = "GET", .pattern = "/api/v1/logs/tail"};
  live.stream = [tail_source = &sources.tail](const Call& call, const auto& begin) { tail(*tail_source, call, begin); };
  routes.push_back(std::move(live));
  routes.push_back(get("/api/v1/traces", [query](const Call& call) { return traces(*query, call); }));
  routes.push_back(get("/api/v1/traces/*", [query](const Call& call) -> Result<std::string> { return query::to_json(RW_TRY(query->trace(call.argument))); }));
  routes.push_back(get("/api/v1/services", [=](const Call& call) -> Result<std::string> { return query::to_json(RW_TRY(query->services(RW_TRY(range(call))))); }));
  routes.push_back(get("/api/v1/services/*", [=](const Call& call) -> Result<std::string> {
    return query::to_json(RW_TRY(query->service(call.argument, RW_TRY(range(call)), RW_TRY(buckets(call)))));
  }));
  routes.push_back(get("/api/v1/latency", [query](const Call& call) { return latency(*query, call); }));
  routes.push_back(get("/api/v1/map", [=](const Call& call) -> Result<std::string> { return query::to_json(RW_TRY(query->map(RW_TRY(range(call))))); }));
  routes.push_back(get("/api/v1/overview", [=](const Call& call) -> Result<std::string> {
    return query::to_json(RW_TRY(query->overview(RW_TRY(range(call)), RW_TRY(buckets(call)))));
  }));
  routes.push_back(get("/api/v1/metrics", [=](const Call& call) -> Result<std::string> { return query::to_json(RW_TRY(query->metrics(RW_TRY(range(call))))); }));
  routes.push_back(get("/api/v1/metrics/query", [query](const Call& call) { return metric(*query, call); }));
  routes.push_back({.method = "POST", .pattern = "/api/v1/sql", .answer = [query](const Call& call) { return sql(*query, call); }});
  routes.push_back(get("/api/v1/declaration", [declaration = sources.declaration](const Call& call) { return declaration(call.local); }));
  routes.push_back(get("/api/v1/firewall", [firewall = sources.firewall](const Call& call) { return firewall(call.local); }));
  routes.push_back({.method = "POST", .pattern = "/api/v1/firewall/edit", .answer = [edit = sources.edit](const Call& call) -> Result<std::string> {
                      const auto body = RW_TRY(body_of(call));
                      const auto base = body.contains("base") && body["base"].is_string() ? body["base"].get<std::string>() : std::string();
                      return edit(call.local, RW_TRY(firewall_edit_of(body)), base);
                    }});
  for (const bool apply : {false, true}) {
    // A declaration says which programs run: only whoever reaches the control socket may change that.  From elsewhere it is
    // what the firewall does, and `change` refuses the rest.
    routes.push_back({.method = "POST",
                      .pattern = apply ? "/api/v1/apply" : "/api/v1/plan",
                      .answer = [apply, change = sources.change](const Call& call) -> Result<std::string> {
                        const auto body = RW_TRY(body_of(call));
                        if (!body.contains("text") || !body["text"].is_string()) return fail(Errc::kInvalid, "the body is not {\"path\":…,\"text\":…}");
                        const auto text_of = [&](const char* key, const char* otherwise) { return body.contains(key) && body[key].is_string() ? body[key].get<std::string>() : otherwise; };
                        return change({apply, call.local, text_of("path", "declaration"), body["text"].get<std::string>(), text_of("base", "")});
                      }});
  }
  return routes;
}

}  // namespace ringwall::cli
