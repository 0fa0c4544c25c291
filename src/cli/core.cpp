#include "cli/core.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/api.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "blob/local.h"
#include "catalog/catalog.h"
#include "cli/context.h"
#include "cli/firewall_answers.h"
#include "cli/load.h"
#include "cli/routes.h"
#include "collect/collector.h"
#include "collect/files.h"
#include "collect/host_metrics.h"
#include "collect/otlp_http.h"
#include "declare/diff.h"
#include "declare/shown.h"
#include "edge/edge.h"
#include "http/server.h"
#include "pki/local_ca.h"
#include "query/query.h"
#include "query/tail.h"
#include "store/duck.h"
#include "store/store.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kLastLinesLimit{5};

std::string host_name() {
  utsname name{};
  ::uname(&name);
  return name.nodename;
}

// Tells versions of what somebody was shown apart.
std::string hash_of(std::string_view text) { return fmt::format("{:016x}", base::hash64(text)); }

Error changed_meanwhile() { return fail(Errc::kExists, "the declaration was changed meanwhile", "look at it again and repeat the change"); }

// The port of "host:port".
std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// A thread that calls `work` until told to stop, pausing when there was nothing to do.
class Repeater {
 public:
  Repeater(std::chrono::milliseconds pause, std::function<bool()> work) : pause_(pause), work_(std::move(work)), thread_([this] { run(); }) {}
  ~Repeater() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      const bool busy = work_();
      lock.lock();
      if (!busy) changed_.wait_for(lock, pause_, [this] { return stopping_; });
    }
  }
  const std::chrono::milliseconds pause_;
  const std::function<bool()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // the last member: it uses the others
};

class Core {
 public:
  explicit Core(CoreOptions options) : options_(std::move(options)), base_(std::filesystem::path(options_.declaration_path).parent_path().string()) {}

  ~Core() {
    // The store may still publish while the collector is already gone.
    const std::lock_guard lock(published_mutex_);
    published_to_ = nullptr;
  }

  Result<void> open();
  Result<int> run();

 private:
  std::string run_path(const std::string& name) const { return options_.state + "/run/" + name; }
  Result<void> open_storage();
  Result<void> open_collector();
  Result<void> open_otlp();
  Result<void> open_api();
  Result<void> follow_files(const declare::Declaration& declaration);
  std::vector<collect::FileTail> file_tails(const declare::Declaration& declaration) const;
  Result<std::string> declaration(bool local);
  Result<std::string> change(const ChangeRequest& request);
  Result<std::string> firewall(bool local);
  Result<std::string> edit(bool local, const declare::FirewallEdit& edit, const std::string& base);
  bool write_declared_file(const std::string& before, const std::string& text);
  void reread();
  std::string status(bool local);
  std::vector<std::string> edge_urls() const;
  void tell_when_up();
  int stop();

  const CoreOptions options_;
  const std::string base_;  // the declaration's folder
  base::Clock& clock_ = base::real_clock();
  base::Files& files_ = base::real_files();
  const std::int64_t started_ns_ = clock_.now_ns();
  const std::string host_ = host_name();

  std::mutex declaration_mutex_;  // guards declaration_ and text_; changes take turns under change_mutex_
  std::mutex change_mutex_;
  declare::Declaration declaration_;
  std::string text_;

  // In the order of making; destroyed in the opposite one.
  std::unique_ptr<blob::Blob> blob_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<store::Duck> duck_;
  query::Tail tail_;
  std::mutex published_mutex_;
  collect::Collector* published_to_ = nullptr;  // guarded by published_mutex_
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<collect::Collector> collector_;
  std::unique_ptr<query::Query> query_;
  std::optional<pki::LocalCa> ca_;
  std::unique_ptr<edge::Edge> edge_;
  collect::OtlpOptions otlp_options_;
  std::unique_ptr<http::Server> otlp_;
  std::mutex tailer_mutex_;
  std::unique_ptr<collect::FileTailer> tailer_;  // guarded by tailer_mutex_
  std::unique_ptr<Repeater> tailing_, host_metrics_;
  std::unique_ptr<api::Auth> auth_;
  std::unique_ptr<api::Api> api_;
  bool up_ = false;
  std::atomic<bool> restart_{false};
};

Result<void> Core::open() {
  // What is in force is kept beside the process ids, so that a core that was killed does not take over an edit that
  // nobody applied.
  auto loaded = understand(RW_TRY(files_.read(run_path("declaration.yaml"))), options_.declaration_path, base_);
  if (!loaded.ok) return fail(Errc::kInvalid, declare::show(loaded.parsed.diagnostics.front()), loaded.parsed.diagnostics.front().hint);
  declaration_ = loaded.parsed.declaration;
  text_ = loaded.text;
  RW_TRY(files_.write_atomic(run_path("core.pid"), fmt::format("{}\n", ::getpid()), 0644));
  RW_TRY(open_storage());
  RW_TRY(open_collector());
  RW_TRY(open_api());
  RW_TRY(open_otlp());
  // Without listeners this is a collector and a store alone.
  if (!declaration_.edge.listeners.empty()) {
    if (const auto started = edge_->start(declaration_); !started.ok()) return located(loaded, started.error());
  }
  RW_TRY(follow_files(declaration_));
  tailing_ = std::make_unique<Repeater>(100ms, [this] {
    const std::lock_guard lock(tailer_mutex_);
    return tailer_->step();
  });
  if (declaration_.telemetry.host_metrics.enabled) {
    const collect::HostTags tags{declaration_.environment, host_, declaration_.region};
    host_metrics_ = std::make_unique<Repeater>(declaration_.telemetry.host_metrics.interval, [this, tags] {
      auto batch = collect::read_host_metrics(files_, "/proc", tags, clock_.now_ns());
      // A reading that was refused is counted by the collector; the next one comes soon.
      if (batch.size() != 0) [[maybe_unused]] const auto outcome = collector_->submit_and_wait({.source = "host", .batch = std::move(batch)});
      return false;
    });
  }
  return {};
}

Result<void> Core::open_storage() {
  const auto& telemetry = declaration_.telemetry;
  blob_ = RW_TRY(blob::open_local(declaration_.blob.directory.empty() ? options_.state + "/blob" : resolve(base_, declaration_.blob.directory)));
  catalog_ = RW_TRY(catalog::open_sqlite(options_.state + "/catalog.sqlite"));
  duck_ = RW_TRY(store::Duck::open({.memory_bytes_max = telemetry.store.query_memory_bytes_max}, *blob_));
  store::StoreOptions options;
  options.flush_rows = telemetry.store.flush_rows;
  options.flush_bytes = telemetry.store.flush_bytes;
  options.flush_age = telemetry.store.flush_age;
  options.memory_bytes_max = telemetry.store.memory_bytes_max;
  options.retention = telemetry.retention.hot + telemetry.retention.archive;
  store_ = RW_TRY(store::Store::open(options, *blob_, *catalog_, *duck_, clock_, [this](std::uint64_t checkpoint) {
    const std::lock_guard lock(published_mutex_);
    if (published_to_ != nullptr) published_to_->release(checkpoint);
  }));
  query_ = std::make_unique<query::Query>(*store_, *duck_, clock_);
  return {};
}

Result<void> Core::open_collector() {
  collect::CollectorOptions options;
  options.directory = options_.state + "/spool";
  options.spool_bytes_max = declaration_.telemetry.spool.bytes_max;
  options.segment_bytes_max = declaration_.telemetry.spool.segment_bytes;
  const collect::Recovered recovered{store_->checkpoint(), RW_TRY(store_->positions()), RW_TRY(store_->digests())};
  collector_ = RW_TRY(collect::Collector::open(options, recovered, files_, clock_, [this](const collect::Durable& durable) {
    store_->accept({durable.sequence, durable.source, durable.position, durable.digest, durable.batch});
    tail_.accept(durable.sequence, durable.batch);
  }));
  {
    const std::lock_guard lock(published_mutex_);
    published_to_ = collector_.get();
  }
  collector_->release(store_->checkpoint());
  return {};
}

Result<void> Core::open_otlp() {
  const auto& otlp = declaration_.telemetry.otlp;
  if (otlp.listen.empty()) return {};
  otlp_options_ = {.defaults = {declaration_.environment, declaration_.region, host_}, .body_bytes_max = otlp.body_bytes_max};
  otlp_ = RW_TRY(http::Server::open({.listen = otlp.listen, .body_bytes_max = otlp.body_bytes_max}, [this](http::Request&& request, http::Responder responder) {
    const collect::OtlpRequest otlp_request{request.method, request.path, request.header("content-type"), request.header("content-encoding"), request.body};
    collect::handle_otlp(otlp_request, otlp_options_, *collector_, [responder](collect::OtlpResponse answer) mutable {
      http::Response response{answer.status, std::move(answer.body), std::move(answer.content_type), {}};
      if (answer.retry_after_s != 0) response.headers.emplace_back("Retry-After", std::to_string(answer.retry_after_s));
      if (answer.allow_post) response.headers.emplace_back("Allow", "POST");
      responder.respond(std::move(response));
    });
  }));
  return {};
}

Result<void> Core::open_api() {
  ca_.emplace(RW_TRY(pki::LocalCa::open(files_, clock_, options_.state + "/pki", declaration_.application)));
  edge::EdgeOptions options;
  options.run_directory = options_.state + "/run";
  options.log_directory = options_.state + "/logs";
  options.base_directory = base_;
  options.module_path = module_path();
  options.identity = {declaration_.environment, RINGWALL_VERSION, host_, declaration_.region};
  options.output_durable = [this](const std::string& path) -> std::uint64_t {
    // A step may wait for the collector for long; then nothing is given back for now.
    const std::unique_lock lock(tailer_mutex_, std::try_to_lock);
    return lock && tailer_ != nullptr ? tailer_->durable(path) : 0;
  };
  edge_ = RW_TRY(edge::Edge::open(options, files_, clock_, *ca_, collector_.get()));

  auth_ = RW_TRY(api::Auth::open(*catalog_, clock_));
  if (!RW_TRY(auth_->has_tokens())) {
    RW_TRY(files_.write_atomic(run_path("first-token"), RW_TRY(auth_->create_token("first administrator")) + "\n", 0600));
  }
  const auto certificate = RW_TRY(ca_->ensure("console", {"localhost", "127.0.0.1", "::1", host_}));
  api::ApiOptions api_options;
  api_options.listen = declaration_.api.listen;
  api_options.certificate_pem = RW_TRY(files_.read(certificate.certificate_path));
  api_options.key_pem = RW_TRY(files_.read(certificate.key_path));
  api_options.control_socket = run_path("control.sock");
  auto assets = RW_TRY(api::Assets::load(files_, find_beside({"console", "../share/ringwall/console", "../../console/dist"})));
  RouteSources sources{*query_, tail_, [this](bool local) { return status(local); },
                       [this](bool local) { return declaration(local); }, [this](const ChangeRequest& request) { return change(request); },
                       [this](bool local) { return firewall(local); },
                       [this](bool local, const declare::FirewallEdit& edit, const std::string& base) { return this->edit(local, edit, base); }};
  api_ = RW_TRY(api::Api::open(api_options, *auth_, std::move(assets), make_routes(std::move(sources))));
  return {};
}

std::vector<collect::FileTail> Core::file_tails(const declare::Declaration& declaration) const {
  std::vector<collect::FileTail> tails;
  const auto add = [&](std::string path, const std::string& service, const std::string& version, const declare::LogFormat& logs) -> collect::FileTail& {
    tails.push_back({.path = std::move(path), .service = service, .env = declaration.environment, .version = version, .host = host_, .region = declaration.region,
                     .format = logs.format, .multiline_start = logs.multiline_start});
    return tails.back();
  };
  for (const auto& service : declaration.services) {
    for (int i = 0; i < service.count && !service.command.empty(); ++i) {
      add(fmt::format("{}/logs/{}-{}.log", options_.state, service.name, i), service.name, service.version, service.logs);
    }
  }
  for (const auto& file : declaration.telemetry.files) add(resolve(base_, file.path), file.service, "", file.logs).tags = file.tags;
  return tails;
}

Result<void> Core::follow_files(const declare::Declaration& declaration) {
  auto tailer = RW_TRY(collect::FileTailer::make(file_tails(declaration), *collector_, clock_));
  const std::lock_guard lock(tailer_mutex_);
  tailer_ = std::move(tailer);
  return {};
}

Result<std::string> Core::declaration(bool local) {
  std::string text;
  {
    const std::lock_guard lock(declaration_mutex_);
    text = text_;
  }
  const auto file = files_.read(options_.declaration_path);
  const auto shown = local ? text : RW_TRY(declare::shown_part(text));
  return Json{{"path", options_.declaration_path}, {"hash", hash_of(shown)}, {"text", shown}, {"complete", local}, {"file", !file.ok() ? "missing" : *file == text ? "same" : "differs"}}.dump();
}

Result<std::string> Core::firewall(bool local) {
  const std::lock_guard lock(declaration_mutex_);
  return firewall_json(declaration_, hash_of(local ? text_ : RW_TRY(declare::shown_part(text_))));
}

Result<std::string> Core::edit(bool local, const declare::FirewallEdit& edit, const std::string& base) {
  std::string before;
  {
    const std::lock_guard lock(declaration_mutex_);
    before = text_;
  }
  const auto hash = hash_of(local ? before : RW_TRY(declare::shown_part(before)));
  if (!base.empty() && base != hash) return changed_meanwhile();
  auto text = RW_TRY(declare::edited(before, edit));
  if (!local) text = RW_TRY(declare::shown_part(text));
  return Json{{"path", options_.declaration_path}, {"base", hash}, {"text", text}}.dump();
}

Result<std::string> Core::change(const ChangeRequest& request) {
  const std::lock_guard turn(change_mutex_);
  declare::Declaration current;
  std::string before;
  {
    const std::lock_guard lock(declaration_mutex_);
    current = declaration_;
    before = text_;
  }
  if (!request.base.empty() && request.base != hash_of(request.local ? before : RW_TRY(declare::shown_part(before)))) return changed_meanwhile();
  const auto text = request.local ? request.text : RW_TRY(declare::with_hidden_part(before, request.text));
  auto loaded = understand(text, request.local ? request.path : options_.declaration_path, base_);
  if (!loaded.ok) {
    std::string all;
    for (const auto& diagnostic : loaded.parsed.diagnostics) all += (all.empty() ? "" : "\n") + declare::show(diagnostic);
    return fail(Errc::kInvalid, all, loaded.parsed.diagnostics.front().hint);
  }
  const auto& wanted = loaded.parsed.declaration;
  if (!request.local && !declare::changes_firewall_alone(current, wanted)) {
    return fail(Errc::kInvalid, "from here only what the firewall does can be changed: modes, levels, settings and exclusions", "edit the file and use `ringwall apply` on the machine");
  }
  auto changes = declare::diff(current, wanted);
  std::unique_ptr<edge::RulesReview> reviewed;
  if (edge_ != nullptr) {
    auto review = edge_->review_rules(wanted);
    if (!review.ok()) return located(loaded, review.error());
    reviewed = std::move(*review);
    if (reviewed->change) changes.push_back(*reviewed->change);
  }
  bool edge = false, files = false, restart = false;
  Json list = Json::array();
  for (const auto& change : changes) {
    list.push_back({{"action", change.action}, {"path", change.path}, {"from", change.from}, {"to", change.to}, {"effect", change.effect}});
    if (change.effect == "restart core") restart = true;
    else if (change.effect == "follow files anew") files = true;
    else if (change.effect != "none until the next start") edge = files = true;
  }
  Json answer{{"changes", list}, {"applied", request.apply}};
  if (request.apply && !changes.empty()) {
    // The first listener, or the last one going, takes a fresh start.
    const bool from_or_to_none = current.edge.listeners.empty() || wanted.edge.listeners.empty();
    restart = restart || from_or_to_none;
    if (edge && !from_or_to_none) {
      if (const auto put = edge_->apply(wanted, std::move(reviewed)); !put.ok()) return located(loaded, put.error());
    }
    if (files) RW_TRY(follow_files(wanted));
    RW_TRY(files_.write_atomic(run_path("declaration.yaml"), text, 0600));
    {
      const std::lock_guard lock(declaration_mutex_);
      declaration_ = wanted;
      text_ = text;
    }
    restart_ = restart_ || restart;
    base::log_event(base::Level::kInfo, "core.declaration_applied", {{"changes", std::to_string(changes.size())}, {"restart", restart ? "true" : "false"}, {"from", request.local ? "control socket" : "console"}});
    // The next start reads the file: what was changed from elsewhere goes into it, unless a person is editing it.
    if (!request.local) answer["file"] = write_declared_file(before, text) ? "written" : "differs";
  } else if (request.apply && request.local) {
    // Other comments and another layout are in force too.
    RW_TRY(files_.write_atomic(run_path("declaration.yaml"), text, 0600));
    const std::lock_guard lock(declaration_mutex_);
    text_ = text;
  }
  return answer.dump();
}

bool Core::write_declared_file(const std::string& before, const std::string& text) {
  namespace fs = std::filesystem;
  std::error_code error;
  // A link stays a link: its target is what is written.
  const auto file = fs::canonical(options_.declaration_path, error);
  if (error) return false;
  const auto there = files_.read(file.string());
  const auto mode = static_cast<unsigned>(fs::status(file, error).permissions()) & 0777U;
  const bool written = there.ok() && *there == before && !error && files_.write_atomic(file.string(), text, mode).ok();
  if (!written) base::log_event(base::Level::kWarn, "core.declaration_file_differs", {{"file", options_.declaration_path}});
  return written;
}

// SIGHUP: the file a person edits, applied if it is right.
void Core::reread() {
  const auto text = files_.read(options_.declaration_path);
  const auto outcome = text.ok() ? change({.apply = true, .local = true, .path = options_.declaration_path, .text = *text, .base = {}}) : Result<std::string>(text.error());
  if (!outcome.ok()) {
    base::log_event(base::Level::kError, "core.declaration_refused", {{"reason", outcome.error().message}, {"hint", outcome.error().hint}});
  }
}

std::vector<std::string> Core::edge_urls() const {
  std::vector<std::string> urls;
  const auto& edge = declaration_.edge;
  for (const bool tls : {true, false}) {
    for (const auto& listener : edge.listeners) {
      if (listener.tls != tls || listener.redirect_to_https || edge.hosts.empty()) continue;
      const auto port = port_of(listener.address);
      const bool usual = port == (tls ? "443" : "80");
      urls.push_back(fmt::format("{}://{}{}/", tls ? "https" : "http", edge.hosts.front().names.front(), usual ? "" : ":" + port));
    }
  }
  return urls;
}

std::string Core::status(bool local) {
  const std::lock_guard lock(declaration_mutex_);
  const auto edge = edge_->status();
  const auto counts = collector_->counts();
  const auto spool = collector_->spool();
  Json out = {{"application", declaration_.application}, {"environment", declaration_.environment}, {"region", declaration_.region},
              {"version", RINGWALL_VERSION}, {"started_at", base::rfc3339(started_ns_)}};
  const auto console_host = declaration_.api.listen.starts_with("0.0.0.0:") || declaration_.api.listen.starts_with("[::]:") ? host_ : declaration_.api.listen.substr(0, declaration_.api.listen.rfind(':'));
  out["urls"] = {{"edge", edge_urls()}, {"console", fmt::format("https://{}:{}/", console_host, api_ == nullptr ? 0 : api_->port())}};
  out["edge"] = {{"state", edge.state}, {"pid", edge.pid}, {"restarts", edge.restarts}, {"requests_total", edge.requests_total}, {"ring_dropped", edge.ring_dropped}};
  out["services"] = Json::array();
  for (const auto& service : edge.services) {
    Json instances = Json::array();
    for (const auto& instance : service.instances) {
      instances.push_back({{"name", instance.name}, {"address", instance.address}, {"state", edge::instance_state_name(instance.state)}, {"pid", instance.pid},
                           {"restarts", instance.restarts}, {"since", base::rfc3339(instance.since_ns)}, {"last_error", instance.last_error}});
    }
    out["services"].push_back({{"name", service.name}, {"instances", instances}});
  }
  Json dropped = Json::array(), sources = Json::array();
  std::map<std::string, std::uint64_t> dropped_by_source;
  for (const auto& drop : counts.dropped) {
    dropped.push_back({{"source", drop.source}, {"reason", drop.reason}, {"records", drop.records}});
    dropped_by_source[drop.source] += drop.records;
  }
  for (const auto& source : counts.sources) {
    sources.push_back({{"source", source.source}, {"signal", base::signal_name(source.signal)}, {"received", source.received}, {"dropped", dropped_by_source[source.source]}});
  }
  out["pipeline"] = {{"received", counts.received}, {"stored", counts.stored}, {"pending", counts.pending}, {"dropped", dropped}, {"sources", sources}};
  out["spool"] = {{"bytes", spool.bytes}, {"segments", spool.segments}};
  std::uint64_t files = 0, bytes = 0, rows = 0;
  Json by_signal = Json::object();
  for (const auto& [signal, stats] : store_->stats()) {
    files += stats.files;
    bytes += stats.bytes;
    rows += stats.rows + stats.young_rows;
    by_signal[std::string(base::signal_name(signal))] = {{"files", stats.files}, {"bytes", stats.bytes}, {"rows", stats.rows + stats.young_rows}};
  }
  out["store"] = {{"files", files}, {"bytes", bytes}, {"rows", rows}, {"by_signal", by_signal}};
  // Whoever reaches the control socket is an administrator already.
  if (local) out["token"] = auth_->operator_token();
  return out.dump();
}

void Core::tell_when_up() {
  if (up_) return;
  const auto edge = edge_->status();
  if (edge.state != "up" && !declaration_.edge.listeners.empty()) return;
  for (const auto& service : edge.services) {
    for (const auto& instance : service.instances) {
      if (instance.state != edge::InstanceState::kHealthy) return;
    }
  }
  up_ = files_.write_atomic(run_path("up.json"), Json{{"pid", ::getpid()}, {"at", base::rfc3339(clock_.now_ns())}}.dump() + "\n", 0644).ok();
  base::log_event(base::Level::kInfo, "core.became_ready", {{"took_ms", std::to_string((clock_.now_ns() - started_ns_) / 1'000'000)}});
}

Result<int> Core::run() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, number);
  for (;;) {
    const timespec wait{0, 100'000'000};
    const int number = ::sigtimedwait(&watched, nullptr, &wait);
    if (number == SIGTERM || number == SIGINT) return stop();
    if (number == SIGHUP) reread();
    if (restart_) {
      // Children stay and are adopted; the spool has what was acknowledged.
      std::this_thread::sleep_for(200ms);  // lets the answer to `apply` leave
      return kExitRestart;
    }
    tell_when_up();
  }
}

// In the order in which data flows, so that each stage gets the last of the one before.
int Core::stop() {
  base::log_event(base::Level::kInfo, "core.stop_begun");
  if (!declaration_.edge.listeners.empty()) edge_->stop();
  tailing_.reset();
  host_metrics_.reset();
  {
    // What the services said last; a file that somebody else still fills is read on after the next start.
    const auto deadline = clock_.monotonic_ns() + std::chrono::nanoseconds(kLastLinesLimit).count();
    const std::lock_guard lock(tailer_mutex_);
    while (tailer_->step() && clock_.monotonic_ns() < deadline) {
    }
  }
  otlp_.reset();
  tail_.close();
  api_.reset();
  for (int i = 0; i < 100 && tail_.subscribers() != 0; ++i) std::this_thread::sleep_for(20ms);
  const auto flushed = store_->flush();
  if (!flushed.ok()) base::log_event(base::Level::kWarn, "core.flush_failed", {{"reason", flushed.error().message}});
  [[maybe_unused]] const auto removed = files_.remove(run_path("up.json"));
  base::log_event(base::Level::kInfo, "core.stopped");
  return kExitOk;
}

}  // namespace

Result<int> run_core(const CoreOptions& options) {
  // Blocked before any thread exists, so that every thread inherits it and only run() takes them.
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  Core core(options);
  RW_TRY(core.open());
  const int code = RW_TRY(core.run());
  // An orderly end has flushed everything; a restart is a crash on purpose.  Either way nothing is left for
  // destructors to do that a kill would not skip.
  std::fflush(nullptr);
  ::_exit(code);
}

void add_core(CLI::App& app, Context& context) {
  auto options = std::make_shared<CoreOptions>();
  auto* command = app.add_subcommand("core", "what `ringwall up` keeps alive");
  command->group("");  // not for people
  command->add_option("declaration", options->declaration_path)->required();
  command->callback([options, &context] {
    options->state = context.state;
    const auto outcome = run_core(*options);
    // What is wrong with the input is wrong at the next start too, so the supervisor need not try.
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error(), outcome.error().code == Errc::kInvalid ? kExitUsage : kExitFailed);
  });
}

}  // namespace ringwall::cli
