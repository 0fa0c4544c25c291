#include "api/api.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "api/secrets.h"
#include "http/client.h"

using namespace ringwall;
using namespace ringwall::api;

namespace {

struct World {
  std::string folder = fmt::format("{}/api_test.{}", RINGWALL_BINARY_DIR, ::getpid());
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<Auth> auth;
  std::unique_ptr<Api> api;

  World() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder + "/console/assets");
    REQUIRE(base::real_files().write_atomic(folder + "/console/index.html", "<p>page</p>").ok());
    REQUIRE(base::real_files().write_atomic(folder + "/console/assets/a-1.js", "1").ok());
    catalog = std::move(catalog::open_sqlite(folder + "/catalog.sqlite").value());
    auth = std::move(Auth::open(*catalog, base::real_clock()).value());
    auto assets = Assets::load(base::real_files(), folder + "/console").value();
    std::vector<Route> routes;
    routes.push_back({.method = "GET", .pattern = "/api/v1/echo/*", .answer = [](const Call& call) -> Result<std::string> {
                        if (call.argument == "bad") return fail(Errc::kInvalid, "byte 3: what", "hint");
                        return "\"" + call.argument + "\"";
                      }});
    routes.push_back({.method = "POST", .pattern = "/api/v1/change", .answer = [](const Call&) -> Result<std::string> { return std::string("{}"); }});
    routes.push_back({.method = "GET", .pattern = "/api/v1/secret", .answer = [](const Call&) -> Result<std::string> { return std::string("{}"); }, .local_only = true});
    // Plain HTTP here; TLS is libmicrohttpd's and tested end to end.
    api = std::move(Api::open({.listen = "127.0.0.1:0", .control_socket = folder + "/control.sock"}, *auth, std::move(assets), std::move(routes)).value());
  }
  ~World() {
    api.reset();
    std::filesystem::remove_all(folder);
  }

  http::Fetched get(const std::string& path, std::vector<std::string> headers = {}, const std::string& method = "GET", const std::string& body = "") const {
    return http::fetch({.method = method, .url = fmt::format("http://127.0.0.1:{}{}", api->port(), path), .headers = std::move(headers), .body = body}).value();
  }
  http::Fetched local(const std::string& path) const {
    return http::fetch({.url = "http://ringwall" + path, .unix_path = folder + "/control.sock", .body = ""}).value();
  }
};

std::string cookie_in(const std::string& headers) {
  const auto at = headers.find("__Host-ringwall=");
  REQUIRE(at != std::string::npos);
  return headers.substr(at, headers.find(';', at) - at);
}

}  // namespace

TEST_CASE("api: tokens open it, nothing else does") {
  World world;
  const auto token = world.auth->create_token("first").value();
  CHECK(world.get("/api/v1/echo/x").status == 401);
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer rw_wrong"}).status == 401);
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Basic " + token}).status == 401);
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer " + token}).body == "\"x\"");
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer " + world.auth->operator_token()}).status == 200);
  // At rest there is only the hash.
  const auto tokens = world.catalog->tokens().value();
  REQUIRE(tokens.size() == 1);
  CHECK(tokens[0].hash == hash_secret(token));
  CHECK(base::real_files().read(world.folder + "/catalog.sqlite").value().find(token) == std::string::npos);
}

TEST_CASE("api: a session signs in, reads, changes only with the header, and ends") {
  World world;
  const auto token = world.auth->create_token("first").value();
  CHECK(world.get("/api/v1/session", {}, "POST", "{\"token\":\"rw_no\"}").status == 401);
  CHECK(world.get("/api/v1/session", {}, "POST", "nonsense").status == 400);
  const auto signed_in = world.get("/api/v1/session", {}, "POST", "{\"token\":\"" + token + "\"}");
  REQUIRE(signed_in.status == 204);
  for (const char* flag : {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}) CHECK(signed_in.headers.find(flag) != std::string::npos);
  const auto cookie = "Cookie: a=b; " + cookie_in(signed_in.headers);
  CHECK(world.get("/api/v1/session", {cookie}).body == "{\"user\":\"admin\"}");
  CHECK(world.get("/api/v1/change", {cookie}, "POST").status == 401);
  CHECK(world.get("/api/v1/change", {cookie, "X-Ringwall: 1"}, "POST").status == 200);
  CHECK(world.get("/api/v1/session", {cookie, "X-Ringwall: 1"}, "DELETE").status == 204);
  CHECK(world.get("/api/v1/session", {cookie}).status == 401);
}

TEST_CASE("api: an address that guesses has to wait, others do not") {
  World world;
  const auto token = world.auth->create_token("first").value();
  for (int i = 0; i < kFailuresMax; ++i) CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer rw_guess"}).status == 401);
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer rw_guess"}).status == 429);
  CHECK(world.get("/api/v1/echo/x", {"Authorization: Bearer " + token}).status == 200);  // a right one is never locked out
  http::Request other;
  other.peer = "192.0.2.7";
  other.headers["authorization"] = "Bearer " + token;
  CHECK(world.auth->identify(other).value() == "first");
}

TEST_CASE("api: the control socket needs no token and has paths of its own") {
  World world;
  CHECK(world.local("/api/v1/echo/x").body == "\"x\"");
  CHECK(world.local("/api/v1/secret").status == 200);
  const auto token = world.auth->create_token("first").value();
  CHECK(world.get("/api/v1/secret", {"Authorization: Bearer " + token}).status == 404);
}

TEST_CASE("api: errors say what and where") {
  World world;
  const auto bad = world.local("/api/v1/echo/bad");
  CHECK(bad.status == 400);
  CHECK(bad.body == R"({"error":{"code":"invalid","message":"byte 3: what","hint":"hint"}})");
  CHECK(world.local("/api/v1/nowhere").status == 404);
  CHECK(world.local("/api/v1/change").status == 405);
}

TEST_CASE("api: the console's page is served for its paths, its files only as files") {
  World world;
  for (const char* path : {"/", "/logs", "/traces/0af7651916cd43dd8448eb211c80319c"}) CHECK(world.get(path).body == "<p>page</p>");
  const auto script = world.get("/assets/a-1.js");
  CHECK(script.body == "1");
  CHECK(script.headers.find("immutable") != std::string::npos);
  CHECK(script.headers.find("Content-Security-Policy: default-src 'none'") != std::string::npos);
  CHECK(world.get("/assets/missing.js").status == 404);
  CHECK(world.get("/assets/%2e%2e/%2e%2e/catalog.sqlite").status == 404);
}
