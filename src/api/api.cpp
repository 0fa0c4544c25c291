#include "api/api.h"

#include <fmt/format.h>

#include "api/answers.h"
#include "api/workers.h"
#include "base/text.h"

namespace ringwall::api {

namespace {

constexpr std::string_view kSessionPath = "/api/v1/session";

bool matches(const std::string& pattern, const std::string& path, std::string& argument) {
  if (!pattern.ends_with('*')) return pattern == path;
  const std::string_view stem(pattern.data(), pattern.size() - 1);
  if (!path.starts_with(stem) || path.size() == stem.size()) return false;
  argument = path.substr(stem.size());
  return true;
}

class ApiImpl final : public Api {
 public:
  ApiImpl(Auth& auth, Assets assets, std::vector<Route> routes)
      : auth_(auth), assets_(std::move(assets)), routes_(std::move(routes)), workers_(kWorkers, kQueuedMax) {}

  Result<void> start(const ApiOptions& options) {
    const auto listener = [this](bool local) {
      return [this, local](http::Request&& request, http::Responder responder) { handle(std::move(request), std::move(responder), local); };
    };
    if (!options.control_socket.empty()) {
      control_ = RW_TRY(http::Server::open({.unix_path = options.control_socket, .body_bytes_max = kRequestBytesMax}, listener(true)));
    }
    public_ = RW_TRY(http::Server::open({.listen = options.listen, .certificate_pem = options.certificate_pem, .key_pem = options.key_pem,
                                         .body_bytes_max = kRequestBytesMax},
                                        listener(false)));
    return {};
  }

  ~ApiImpl() override {
    public_.reset();
    control_.reset();
  }

  std::uint16_t port() const override { return public_->port(); }

 private:
  void handle(http::Request&& request, http::Responder responder, bool local) {
    if (!request.path.starts_with("/api/")) return respond(responder, request.method == "GET" || request.method == "HEAD" ? assets_.serve(request) : not_allowed());
    auto shared = std::make_shared<http::Request>(std::move(request));
    const bool queued = workers_.submit([this, shared, responder, local]() mutable { answer(*shared, responder, local); });
    if (!queued) respond(responder, error_answer(fail(Errc::kUnavailable, "too many requests are waiting", "try again in a moment")));
  }

  void answer(const http::Request& request, http::Responder& responder, bool local) {
    if (request.path == kSessionPath && !local && request.method == "POST") return respond(responder, auth_.sign_in(request));
    std::string user = "local";
    if (!local) {
      const auto identified = auth_.identify(request);
      if (!identified.ok()) return respond(responder, error_answer(identified.error()));
      user = *identified;
    }
    if (request.path == kSessionPath) return respond(responder, session(request, user));
    bool known_path = false;
    for (const auto& route : routes_) {
      Call call{request, "", local};
      if ((route.local_only && !local) || !matches(route.pattern, request.path, call.argument)) continue;
      known_path = true;
      if (route.method != request.method) continue;
      if (route.stream) {
        return route.stream(call, [&responder] {
          http::Response head{.body = ": ringwall\n\n", .content_type = "text/event-stream", .headers = {{"Cache-Control", "no-store"}}};
          add_security_headers(head);
          return responder.stream(std::move(head));
        });
      }
      auto outcome = route.answer(call);
      return respond(responder, outcome.ok() ? http::Response{.body = std::move(*outcome), .headers = {{"Cache-Control", "no-store"}}}
                                             : error_answer(outcome.error()));
    }
    respond(responder, known_path ? not_allowed()
                                  : error_answer(fail(Errc::kNotFound, fmt::format("{}: no such path", request.path), "see docs/api.md")));
  }

  http::Response session(const http::Request& request, const std::string& user) {
    if (request.method == "DELETE") return auth_.sign_out(request);
    if (request.method != "GET") return not_allowed();
    http::Response response{.body = "{\"user\":"};
    base::append_json_string(response.body, user);
    response.body.push_back('}');
    return response;
  }

  static http::Response not_allowed() {
    return {405, R"({"error":{"code":"invalid","message":"this path does not take this method","hint":""}})", "application/json", {}};
  }

  static void respond(http::Responder& responder, http::Response response) {
    add_security_headers(response);
    responder.respond(std::move(response));
  }

  Auth& auth_;
  Assets assets_;
  std::vector<Route> routes_;
  std::unique_ptr<http::Server> control_, public_;
  Workers workers_;  // the last member: its threads end before what they use
};

}  // namespace

Result<std::unique_ptr<Api>> Api::open(const ApiOptions& options, Auth& auth, Assets assets, std::vector<Route> routes) {
  auto api = std::make_unique<ApiImpl>(auth, std::move(assets), std::move(routes));
  RW_TRY(api->start(options));
  return std::unique_ptr<Api>(std::move(api));
}

}  // namespace ringwall::api
