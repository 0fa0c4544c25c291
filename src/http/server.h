// Ringwall's own listeners: HTTP/1.1, over TLS or a local socket.  The protocol is GNU libmicrohttpd's; this header is
// the only thing the rest of the program sees of it.
//
// A handler gets a whole request and a Responder.  It answers at once or later, from any thread, exactly once; a
// Responder that is dropped unanswered answers 500.  Handlers run on the listener's few threads, so work that waits
// belongs elsewhere.
//
// Limits: head 32 KiB (431), body `body_bytes_max` (413), connections and idle time as in the options.
// TLS 1.2 and 1.3 only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ringwall::http {

struct Request {
  std::string method;  // as sent: "GET"
  std::string path;    // percent-decoded, without the query
  std::multimap<std::string, std::string> query;  // percent-decoded
  std::map<std::string, std::string> headers;     // names in lower case; repeated ones joined by ", "
  std::string body;    // of chunked requests too; never more than body_bytes_max
  std::string peer;    // the client's address without port; "local" on a local socket

  std::string_view header(const std::string& lower_case_name) const;
  // The first value of a query parameter, or nothing when it is absent.
  std::optional<std::string> parameter(const std::string& name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

// A body that is written piece by piece (server-sent events).  Thread-safe.
class Stream {
 public:
  virtual ~Stream() = default;
  // False once the client is gone or more than `stream_bytes_max` wait for it; the stream is over then.
  virtual bool write(std::string_view bytes) = 0;
  virtual bool open() const = 0;
  virtual void close() = 0;
};

class Responder {
 public:
  class Exchange;
  explicit Responder(std::shared_ptr<Exchange> exchange);
  void respond(Response response);
  // Sends status and headers now and the body as it comes; response.body goes first.
  std::shared_ptr<Stream> stream(Response response);

 private:
  std::shared_ptr<Exchange> exchange_;
};

using Handler = std::function<void(Request&&, Responder)>;

struct ServerOptions {
  std::string listen;            // "127.0.0.1:8443", "[::]:8443"; port 0 picks one
  std::string unix_path;         // or a local socket, made with mode 0600; an old one is replaced
  std::string certificate_pem;   // both set: TLS
  std::string key_pem;
  std::size_t body_bytes_max = 1u << 20;
  std::size_t stream_bytes_max = 4u << 20;
  int threads = 2;
  unsigned connections_max = 1024;
  std::chrono::seconds idle{75};
};

class Server {
 public:
  virtual ~Server() = default;  // waits for handlers under way; open exchanges are answered 503
  // kUnavailable with the address when it cannot be bound, kInvalid when address or certificate are not understood.
  static Result<std::unique_ptr<Server>> open(const ServerOptions& options, Handler handler);
  virtual std::uint16_t port() const = 0;  // 0 for a local socket
};

}  // namespace ringwall::http
