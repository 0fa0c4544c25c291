#include "http/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "http/listen.h"

namespace ringwall::http {

namespace {

constexpr std::size_t kHeadBytesMax = 32u << 10;
// A body over its limit is read and thrown away up to this many times the limit, so that the client sees the 413
// instead of a reset connection; past that the connection is closed.
constexpr std::size_t kDiscardFactor = 4;

}  // namespace

namespace detail {

class StreamImpl final : public Stream {
 public:
  StreamImpl(MHD_Connection* connection, std::string first, std::size_t bytes_max)
      : connection_(connection), waiting_(std::move(first)), bytes_max_(bytes_max) {}

  bool write(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    if (closed_ || ended_) return false;
    if (waiting_.size() + bytes.size() > bytes_max_) {
      closed_ = true;  // a client that does not read is let go
    } else {
      waiting_.append(bytes);
    }
    wake_locked();
    return !closed_;
  }
  bool open() const override {
    const std::lock_guard lock(mutex_);
    return !closed_ && !ended_;
  }
  void close() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_locked();
  }
  // The connection is over; libmicrohttpd's handle must not be used any more.
  void ended() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }

  // libmicrohttpd asks for more of the body.
  ssize_t read(char* out, std::size_t bytes_max) {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) {
      const std::size_t count = std::min(bytes_max, waiting_.size());
      std::memcpy(out, waiting_.data(), count);
      waiting_.erase(0, count);
      return static_cast<ssize_t>(count);
    }
    if (closed_) return MHD_CONTENT_READER_END_OF_STREAM;
    suspended_ = true;
    MHD_suspend_connection(connection_);
    return 0;
  }

 private:
  void wake_locked() {
    if (suspended_ && !ended_) {
      suspended_ = false;
      MHD_resume_connection(connection_);
    }
  }

  mutable std::mutex mutex_;
  MHD_Connection* connection_;
  std::string waiting_;  // guarded by mutex_, like the flags
  std::size_t bytes_max_;
  bool closed_ = false, ended_ = false, suspended_ = false;
};

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using ResponsePointer = std::unique_ptr<MHD_Response, ResponseDeleter>;

}  // namespace detail

using detail::ResponsePointer;
using detail::StreamImpl;

// One request and its answer.  Shared by libmicrohttpd's callbacks and the Responder.
class Responder::Exchange {
 public:
  Request request;
  MHD_Connection* connection = nullptr;
  std::size_t body_bytes_max = 0, stream_bytes_max = 0;
  std::size_t discarded = 0;
  bool begun = false, handed_over = false;

  void answer(Response response, std::shared_ptr<StreamImpl> stream) {
    const std::lock_guard lock(mutex_);
    if (answered_ || ended_) return;
    answered_ = true;
    response_ = std::move(response);
    stream_ = std::move(stream);
    if (suspended_) {
      suspended_ = false;
      MHD_resume_connection(connection);
    }
  }
  // Called on the listener's thread: queues the answer, or parks the connection until there is one.
  MHD_Result queue_or_wait() {
    const std::lock_guard lock(mutex_);
    if (!answered_) {
      suspended_ = true;
      MHD_suspend_connection(connection);
      return MHD_YES;
    }
    ResponsePointer out;
    if (stream_ != nullptr) {
      // The callback's copy of the stream is freed with the response.
      auto* kept = new std::shared_ptr<StreamImpl>(stream_);
      out.reset(MHD_create_response_from_callback(
          MHD_SIZE_UNKNOWN, 16 * 1024,
          [](void* user, std::uint64_t, char* buffer, std::size_t bytes_max) {
            return (*static_cast<std::shared_ptr<StreamImpl>*>(user))->read(buffer, bytes_max);
          },
          kept, [](void* user) { delete static_cast<std::shared_ptr<StreamImpl>*>(user); }));
    } else {
      out.reset(MHD_create_response_from_buffer(response_.body.size(), response_.body.data(), MHD_RESPMEM_MUST_COPY));
    }
    if (out == nullptr) return MHD_NO;
    if (!response_.content_type.empty()) {
      MHD_add_response_header(out.get(), "Content-Type", response_.content_type.c_str());
    }
    for (const auto& [name, value] : response_.headers) MHD_add_response_header(out.get(), name.c_str(), value.c_str());
    return MHD_queue_response(connection, static_cast<unsigned>(response_.status), out.get());
  }

  // The listener stops: whoever still waits gets a 503, a stream its end.
  void stop() {
    answer({503, R"({"error":{"code":"unavailable","message":"stopping"}})", "application/json", {{"Retry-After", "1"}}}, nullptr);
    std::shared_ptr<StreamImpl> stream;
    {
      const std::lock_guard lock(mutex_);
      stream = stream_;
    }
    if (stream != nullptr) stream->close();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (stream_ != nullptr) stream_->ended();
  }

 private:
  mutable std::mutex mutex_;
  Response response_;                   // guarded by mutex_, like the rest
  std::shared_ptr<StreamImpl> stream_;
  bool answered_ = false, suspended_ = false, ended_ = false;
};

std::string_view Request::header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string_view{} : std::string_view(it->second);
}

std::optional<std::string> Request::parameter(const std::string& name) const {
  const auto it = query.find(name);
  return it == query.end() ? std::nullopt : std::optional(it->second);
}

namespace {

// The last Responder of an exchange answers for a handler that did not.
struct Guard {
  std::shared_ptr<Responder::Exchange> exchange;
  ~Guard() {
    exchange->answer({.status = 500, .body = R"({"error":{"code":"internal","message":"no answer was made"}})", .content_type = "application/json", .headers = {}},
                     nullptr);
  }
};

using Exchange = Responder::Exchange;

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler) : options_(std::move(options)), handler_(std::move(handler)) {}

  Result<void> start() {
    const bool local = !options_.unix_path.empty();
    const int fd = local ? RW_TRY(detail::listen_unix(options_.unix_path))
                         : RW_TRY(detail::listen_tcp(options_.listen, port_));
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    std::vector<MHD_OptionItem> items = {
        {MHD_OPTION_LISTEN_SOCKET, fd, nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, static_cast<intptr_t>(options_.connections_max), nullptr},
        {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<intptr_t>(options_.idle.count()), nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<intptr_t>(kHeadBytesMax * 2), nullptr},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&ServerImpl::completed), this},
        {MHD_OPTION_EXTERNAL_LOGGER, reinterpret_cast<intptr_t>(&ServerImpl::log), this},
    };
    if (options_.threads > 1) items.push_back({MHD_OPTION_THREAD_POOL_SIZE, options_.threads, nullptr});
    if (!options_.certificate_pem.empty()) {
      flags |= MHD_USE_TLS;
      items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, options_.certificate_pem.data()});
      items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, options_.key_pem.data()});
      items.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>("SECURE128:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2")});
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &ServerImpl::access, this, MHD_OPTION_ARRAY, items.data(),
                               MHD_OPTION_END);
    if (daemon_ == nullptr) {
      ::close(fd);
      return fail(Errc::kInvalid, fmt::format("listener {}: {}", local ? options_.unix_path : options_.listen,
                                              last_log_.empty() ? "could not be started" : last_log_),
                  options_.certificate_pem.empty() ? "" : "check certificate and key");
    }
    return {};
  }

  ~ServerImpl() override {
    stopping_ = true;
    // Suspended connections would keep libmicrohttpd from stopping.
    std::vector<std::shared_ptr<Exchange>> open;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [key, exchange] : open_) open.push_back(exchange);
    }
    for (auto& exchange : open) exchange->stop();
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
    if (!options_.unix_path.empty()) ::unlink(options_.unix_path.c_str());
  }

  std::uint16_t port() const override { return port_; }

 private:
  static void log(void* self, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    auto& server = *static_cast<ServerImpl*>(self);
    if (server.daemon_ == nullptr) {
      server.last_log_ = base::trim(line);
    } else {
      base::log_event(base::Level::kDebug, "http.connection_failed", {{"reason", std::string(base::trim(line))}});
    }
  }

  static MHD_Result access(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                           const char* data, std::size_t* data_bytes, void** context) {
    return static_cast<ServerImpl*>(self)->on_access(connection, url, method, data, data_bytes, context);
  }

  MHD_Result on_access(MHD_Connection* connection, const char* url, const char* method, const char* data,
                       std::size_t* data_bytes, void** context) {
    if (*context == nullptr) {  // the head has arrived
      auto exchange = std::make_shared<Exchange>();
      exchange->connection = connection;
      exchange->body_bytes_max = options_.body_bytes_max;
      exchange->stream_bytes_max = options_.stream_bytes_max;
      read_head(*exchange, connection, url, method);
      *context = exchange.get();
      const std::lock_guard lock(mutex_);
      open_.emplace(exchange.get(), exchange);
      return MHD_YES;
    }
    auto& exchange = *static_cast<Exchange*>(*context);
    if (exchange.handed_over) return exchange.queue_or_wait();
    if (*data_bytes != 0) {
      auto& body = exchange.request.body;
      if (exchange.discarded != 0 || *data_bytes > exchange.body_bytes_max - body.size()) {
        exchange.discarded += *data_bytes + body.size();
        body.clear();
        body.shrink_to_fit();
        if (exchange.discarded / kDiscardFactor > exchange.body_bytes_max) return MHD_NO;
      } else {
        body.append(data, *data_bytes);
      }
      *data_bytes = 0;
      return MHD_YES;
    }
    exchange.handed_over = true;
    if (exchange.discarded != 0) {
      exchange.answer({413, fmt::format(R"({{"error":{{"code":"limit","message":"the body is larger than {} bytes"}}}})",
                                        exchange.body_bytes_max), "application/json", {}}, nullptr);
    } else if (stopping_) {
      exchange.answer({503, "{}", "application/json", {{"Retry-After", "1"}}}, nullptr);
    } else {
      std::shared_ptr<Exchange> shared;
      {
        const std::lock_guard lock(mutex_);
        shared = open_.at(&exchange);
      }
      handler_(std::move(exchange.request), Responder(shared));
    }
    return exchange.queue_or_wait();
  }

  void read_head(Exchange& exchange, MHD_Connection* connection, const char* url, const char* method) {
    auto& request = exchange.request;
    request.method = method;
    request.path = url;
    MHD_get_connection_values(
        connection, MHD_GET_ARGUMENT_KIND,
        [](void* user, MHD_ValueKind, const char* key, const char* value) {
          static_cast<Request*>(user)->query.emplace(key, value == nullptr ? "" : value);
          return MHD_YES;
        },
        &request);
    MHD_get_connection_values(
        connection, MHD_HEADER_KIND,
        [](void* user, MHD_ValueKind, const char* key, const char* value) {
          auto& joined = static_cast<Request*>(user)->headers[base::lower_ascii(key)];
          if (!joined.empty()) joined.append(", ");
          joined.append(value == nullptr ? "" : value);
          return MHD_YES;
        },
        &request);
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "local";
    if (info != nullptr && info->client_addr != nullptr) {
      const sockaddr* address = info->client_addr;
      if (address->sa_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
      } else if (address->sa_family == AF_INET6) {
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
      }
    }
    request.peer = text;
  }

  static void completed(void* self, MHD_Connection*, void** context, MHD_RequestTerminationCode) {
    if (*context == nullptr) return;
    auto& server = *static_cast<ServerImpl*>(self);
    auto* exchange = static_cast<Exchange*>(*context);
    *context = nullptr;
    exchange->end();
    const std::lock_guard lock(server.mutex_);
    server.open_.erase(exchange);
  }

  ServerOptions options_;
  Handler handler_;
  std::uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;
  std::string last_log_;  // only while starting
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<Exchange*, std::shared_ptr<Exchange>> open_;  // guarded by mutex_
};

}  // namespace

namespace {
// Copies of a Responder share one guard, so that "nobody answered" is noticed when the last one goes.
std::shared_ptr<Responder::Exchange> guarded(std::shared_ptr<Responder::Exchange> exchange) {
  auto guard = std::make_shared<Guard>();
  guard->exchange = std::move(exchange);
  return {guard, guard->exchange.get()};
}
}  // namespace

Responder::Responder(std::shared_ptr<Exchange> exchange) : exchange_(guarded(std::move(exchange))) {}

void Responder::respond(Response response) { exchange_->answer(std::move(response), nullptr); }

std::shared_ptr<Stream> Responder::stream(Response response) {
  auto stream = std::make_shared<StreamImpl>(exchange_->connection, std::move(response.body), exchange_->stream_bytes_max);
  response.body.clear();
  exchange_->answer(std::move(response), stream);
  return stream;
}

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(options, std::move(handler));
  RW_TRY(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace ringwall::http
