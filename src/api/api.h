// The HTTP API of docs/api.md and the console, on two listeners: HTTPS for people and programs, with identity; and a
// local socket for the command line, where reaching it is identity enough (mode 0600).
//
// What a path answers is a Route, given by whoever joins the program; the API adds identity, workers, limits and
// headers.  A route runs on a worker and may take its time; the listener's threads stay free.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/assets.h"
#include "api/auth.h"
#include "base/result.h"
#include "http/server.h"

namespace ringwall::api {

inline constexpr std::size_t kRequestBytesMax = 4u << 20;
inline constexpr std::size_t kWorkers = 4;
inline constexpr std::size_t kQueuedMax = 256;

struct Call {
  const http::Request& request;
  std::string argument;  // what stands where the pattern has "*"
  bool local = false;    // came by the control socket
};

// One path: "/api/v1/traces/*" has its last part in Call::argument.
struct Route {
  std::string method, pattern;
  // The JSON to answer.  An error answers with its status.
  std::function<Result<std::string>(const Call&)> answer;
  // Or a stream of server-sent events: gets the call and a function that begins the stream.  Set exactly one.
  std::function<void(const Call&, const std::function<std::shared_ptr<http::Stream>()>&)> stream;
  bool local_only = false;  // only on the control socket
};

struct ApiOptions {
  std::string listen = "127.0.0.1:8443";
  std::string certificate_pem, key_pem;
  std::string control_socket;
};

class Api {
 public:
  virtual ~Api() = default;  // ends streams, waits for routes under way
  static Result<std::unique_ptr<Api>> open(const ApiOptions& options, Auth& auth, Assets assets, std::vector<Route> routes);
  virtual std::uint16_t port() const = 0;
};

}  // namespace ringwall::api
