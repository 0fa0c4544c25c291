// Request smuggling and desync: bytes that one reader takes for one request and another for two, or for one of another length,
// host or version.  A row: what the client sends, what it is answered, and every request the application behind nginx saw, with the
// body it saw.  Whatever is not refused has to arrive as it was judged.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "policy/bundle.h"
#include "policy/policy.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using namespace std::string_literals;

std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// An application with keep-alive that reads requests by the letter of RFC 9112 and writes down each, for a reader of a table:
// "POST /a [body] upgrade=h2c".  Bytes that are no request are written down as "left: …".
class Recorder {
 public:
  Recorder() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      for (int peer; (peer = ::accept(listener_, nullptr, nullptr)) >= 0;) readers_.emplace_back([this, peer] { read(peer); });
    });
  }
  ~Recorder() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& reader : readers_) reader.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  void read(int peer) {
    std::string bytes;
    char buffer[8192];
    while (!stopping_) {
      pollfd waiting{peer, POLLIN, 0};
      if (::poll(&waiting, 1, 20) == 0) continue;
      const auto n = ::recv(peer, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      bytes.append(buffer, static_cast<std::size_t>(n));
      while (take_request(bytes)) {
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    }
    if (!bytes.empty()) note("left: " + bytes);
    ::close(peer);
  }

  // Takes one whole request off the front; false: more is needed.
  bool take_request(std::string& bytes) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const auto line_end = bytes.find("\r\n");
    std::string shown = bytes.substr(0, bytes.rfind(' ', line_end)), extra, length, coding;
    for (std::size_t at = line_end + 2; at < end + 2;) {
      const auto next = bytes.find("\r\n", at);
      const auto colon = bytes.find(':', at);
      const auto name = lower(bytes.substr(at, colon - at)), value = bytes.substr(colon + 2, next - colon - 2);
      if (name == "content-length") length = value;
      else if (name == "transfer-encoding") coding = value;
      else if (name != "host" && name != "connection") extra += " " + name + "=" + value;
      if (name == "host" && value != "a") extra += " host=" + value;
      at = next + 2;
    }
    if (!length.empty() && !coding.empty()) extra += " BOTH";
    std::size_t size = end + 4, body = size;
    std::string text;
    if (coding.empty()) {
      size += length.empty() ? 0 : std::stoul(length);
      if (bytes.size() < size) return false;
      text = bytes.substr(body, size - body);
    } else {
      for (;;) {
        const auto chunk = bytes.find("\r\n", size);
        if (chunk == std::string::npos) return false;
        const auto count = std::stoul(bytes.substr(size, chunk - size), nullptr, 16);
        size = chunk + 2 + count + 2;
        if (bytes.size() < size) return false;
        text += bytes.substr(chunk + 2, count);
        if (count == 0) break;
      }
    }
    bytes.erase(0, size);
    if (!text.empty()) shown += " [" + text + "]";
    note(shown + extra);
    return true;
  }
  void note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    seen_ += (seen_.empty() ? "" : ", ") + what;
  }

  const int listener_;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::string seen_;  // guarded by mutex_
  std::thread acceptor_;
  std::vector<std::thread> readers_;  // of the acceptor until it has ended
};

int send_on_new_connection(int port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return fd;
}

// Sends the bytes and reads until nginx closes or has nothing more to say.
std::string speak(int port, const std::string& bytes) {
  const int fd = send_on_new_connection(port, bytes);
  std::string answer;
  char buffer[8192];
  constexpr int kQuietMs = 1500;  // rows that end so are few
  for (pollfd waiting{fd, POLLIN, 0}; ::poll(&waiting, 1, kQuietMs) > 0;) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

// "200 403": of every answer; "0.9" for one without a status line.
std::string statuses(const std::string& answer) {
  std::string out;
  for (std::size_t at = 0; (at = answer.find("HTTP/1.1 ", at)) != std::string::npos; at += 9) out += (out.empty() ? "" : " ") + answer.substr(at + 9, 3);
  return out.empty() && !answer.empty() ? "0.9" : out;
}

struct Row {
  std::string name, bytes, status, seen;
  ring::RequestFault fault = ring::RequestFault::kNone;  // refused by us for it; kNone: by nginx, or not at all
};

const std::string kHead = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
const std::string kPlain = "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const std::string kChunks = "6\r\na=fine\r\n0\r\n\r\n";
const std::string kEvilChunks = "6\r\na=evil\r\n0\r\n\r\n";
std::string with(const std::string& headers, const std::string& body = "") { return kHead + "Content-Type: application/x-www-form-urlencoded\r\n" + headers + "\r\n\r\n" + body; }
std::string chunked(const std::string& body) { return with("Transfer-Encoding: chunked", body); }
const std::string kForm = " content-type=application/x-www-form-urlencoded";

std::vector<Row> rows() {
  using enum ring::RequestFault;
  return {
      // Sound.
      {"a form", with("Content-Length: 6", "a=fine"), "200", "POST / [a=fine]" + kForm},
      {"an attack in a form", with("Content-Length: 6", "a=evil"), "403", ""},
      {"chunks", chunked(kChunks), "200", "POST / [a=fine]" + kForm},
      {"an attack in chunks", chunked("4\r\na=ev\r\n2\r\nil\r\n0\r\n\r\n"), "403", ""},
      {"two requests", "GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + kPlain, "200 200", "GET /first, GET /second"},
      {"an attack behind a sound request", "GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200 403", "GET /first"},

      // Content-Length and Transfer-Encoding.
      {"CL.TE", with("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), "400", ""},
      {"TE.CL", with("Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n" + kPlain + "\r\n0\r\n\r\n"), "400", ""},
      {"two equal lengths", with("Content-Length: 6\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"two lengths, the first longer", with("Content-Length: 6\r\nContent-Length: 0", "a=fine"), "400", ""},
      {"two lengths, the second longer", with("Content-Length: 0\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"two lengths in two cases", with("Content-Length: 6\r\ncontent-length: 5", "a=fine"), "400", ""},
      {"a list of lengths", with("Content-Length: 6, 6", "a=fine"), "400", ""},
      {"two numbers", with("Content-Length: 6 6", "a=fine"), "400", ""},
      {"a plus", with("Content-Length: +6", "a=fine"), "400", ""},
      {"a minus", with("Content-Length: -6", "a=fine"), "400", ""},
      {"hexadecimal", with("Content-Length: 0x6", "a=fine"), "400", ""},
      {"a fraction", with("Content-Length: 6.0", "a=fine"), "400", ""},
      {"no number", with("Content-Length: ", "a=fine"), "400", ""},
      {"a number that does not fit", with("Content-Length: 18446744073709551622", "a=fine"), "400", ""},
      {"blanks", with("Content-Length:   6  ", "a=fine"), "200", "POST / [a=fine]" + kForm},
      {"a tab", with("Content-Length:\t6", "a=fine"), "400", ""},
      {"a zero before it", with("Content-Length: 06", "a=fine"), "200", "POST / [a=fine]" + kForm},
      {"a blank before the colon", with("Content-Length : 6", "a=fine"), "400", ""},
      {"an underscore", with("Content_Length: 0\r\nContent-Length: 6", "a=fine"), "200", "POST / [a=fine]" + kForm},
      {"shorter than what follows", "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\na=fine" + kPlain, "200 200", "POST /first [a=fine], GET /second"},
      {"a GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\na=evil", "403", ""},

      // Transfer-Encoding.
      {"in capitals", with("TRANSFER-ENCODING: CHUNKED", kEvilChunks), "403", ""},
      {"chunked, identity", with("Transfer-Encoding: chunked, identity", kChunks), "501", ""},
      {"identity, chunked", with("Transfer-Encoding: identity, chunked", kChunks), "501", ""},
      {"gzip, chunked", with("Transfer-Encoding: gzip, chunked", kChunks), "501", ""},
      {"identity", with("Transfer-Encoding: identity\r\nContent-Length: 6", "a=fine"), "501", ""},
      {"xchunked", with("Transfer-Encoding: xchunked\r\nContent-Length: 6", "a=fine"), "501", ""},
      {"in quotes", with("Transfer-Encoding: \"chunked\"", kChunks), "501", ""},
      {"with a parameter", with("Transfer-Encoding: chunked;q=1", kChunks), "501", ""},
      {"a tab before", with("Transfer-Encoding:\tchunked", kChunks), "501", ""},
      {"a tab behind", with("Transfer-Encoding: chunked\t", kChunks), "501", ""},
      {"a vertical tab", with("Transfer-Encoding: \x0b" "chunked", kChunks), "501", ""},
      {"a comma behind", with("Transfer-Encoding: chunked,", kChunks), "501", ""},
      {"empty", with("Transfer-Encoding: \r\nContent-Length: 6", "a=fine"), "501", ""},
      {"two, both chunked", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", kChunks), "400", ""},
      {"two, the second identity", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", kChunks), "400", ""},
      {"two, the first identity", with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", kChunks), "400", ""},
      {"a blank before its colon", with("Transfer-Encoding : chunked\r\nContent-Length: 6", kChunks), "400", ""},
      {"a tab before its colon", with("Transfer-Encoding\t: chunked\r\nContent-Length: 6", kChunks), "400", ""},
      {"an underscore in its name", with("Transfer_Encoding: chunked\r\nContent-Length: 6", "a=fine"), "200", "POST / [a=fine]" + kForm},
      {"a null byte in its name", with("Transfer-Encoding\0: chunked\r\nContent-Length: 6"s, "a=fine"), "400", ""},
      {"with HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + kChunks, "400", ""},
      {"TE, which is another header", with("TE: chunked\r\nContent-Length: 6", "a=fine"), "200", "POST / [a=fine]" + kForm},

      // Lines.
      {"folded", with("X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"folded by a tab", with("X-A: b\r\n\tTransfer-Encoding: chunked\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"the first line folded", "POST / HTTP/1.1\r\n Host: a\r\nContent-Length: 6\r\n\r\na=fine", "400", ""},
      {"a value on the next line", with("Transfer-Encoding:\r\n chunked", kChunks), "400", ""},
      {"a bare CR", with("X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"a bare LF ends a line, and both are seen", with("X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 6", "a=fine"), "400", ""},
      {"a bare LF ends a line, and what follows is judged", with("X-A: b\nX-Test: evil\r\nContent-Length: 6", "a=fine"), "403", ""},
      {"bare LFs everywhere", "GET /lf HTTP/1.1\nHost: a\nConnection: close\n\n", "200", "GET /lf"},
      {"a null byte in a value", with("X-A: b\0c\r\nContent-Length: 6"s, "a=fine"), "400", ""},
      {"a null byte in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"s, "400", ""},
      {"a line without a colon", with("Transfer-Encoding\r\nContent-Length: 6", "a=fine"), "501", ""},
      {"a blank in a name", with("X A: b\r\nContent-Length: 6", "a=fine"), "400", ""},

      // Chunks.
      {"a size that does not fit", chunked("10000000000000006\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"the largest size", chunked("ffffffffffffffff\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"a minus before the size", chunked("-6\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"a plus before the size", chunked("+6\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"0x before the size", chunked("0x6\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"a blank before the size", chunked(" 6\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"no size", chunked("\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"no hexadecimal digit", chunked("g\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"a blank behind the size", chunked("6 \r\na=evil\r\n0\r\n\r\n"), "403", ""},
      {"zeros before the size", chunked("0000006\r\na=evil\r\n0\r\n\r\n"), "403", ""},
      {"an extension", chunked("6;a=\"b\"\r\na=evil\r\n0\r\n\r\n"), "403", ""},
      {"an extension that ends in LF", chunked("6;a\na=evil\r\n0\r\n\r\n"), "403", ""},
      {"an extension with a bare CR", chunked("6;a\rb\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"LF alone", chunked("6\na=evil\n0\n\n"), "403", ""},
      {"more than the size says", chunked("6\r\na=fineX\r\n0\r\n\r\n"), "400", ""},
      {"less than the size says", chunked("8\r\na=fine\r\n0\r\n\r\n"), "400", ""},
      {"trailers, which nobody reads", chunked("6\r\na=fine\r\n0\r\nX-Test: evil\r\n\r\n"), "200", "POST / [a=fine]" + kForm},
      {"a request behind the last chunk", "POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + kChunks + "GET /?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200 403", "POST /first [a=fine]"},

      // The request line and the host.
      {"HTTP/0.9", "GET /\r\n", "0.9", "", kNoVersion},
      {"HTTP/0.9 with headers", "GET /\r\nHost: a\r\n\r\n", "0.9", "", kNoVersion},
      {"HTTP/1.0", "GET /old HTTP/1.0\r\nHost: a\r\n\r\n", "200", "GET /old"},
      {"HTTP/2.0 in a line", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505", ""},
      {"a version that is none", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", "400", ""},
      {"blanks around the target", "GET   /forbidden   HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "403", ""},
      {"a blank in the target", "GET /a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", "400", ""},
      {"a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "400", ""},
      {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "400", ""},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405", ""},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400", ""},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", ""},
      {"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", ""},
      {"a host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400", ""},
      {"the same host in the target", "GET http://a/x HTTP/1.1\r\nHost: A:80\r\nConnection: close\r\n\r\n", "200", "GET /x host=A:80"},
      {"another host in the target", "GET http://b/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", "", kOtherHost},
      {"another host, and a port", "GET http://b:80/x HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n", "400", "", kOtherHost},

      // A path of which readers can see different parts.  /open/ has no rules.
      {"below a path without rules", "GET /open/?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200", "GET /open/?a=evil"},
      {"out of it again", "GET /open/../x?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "403", ""},
      {"out of it in percent", "GET /open/%2e%2e%2fx?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "403", ""},
      {"out of it with a parameter", "GET /open/..;a/x?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", "", kHiddenParent},
      {"out of it by a backslash", "GET /open/..\\x?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", "", kHiddenParent},
      {"out of it in percent twice", "GET /open/%252e%252e/x?a=evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", "", kHiddenParent},
      {"above all", "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", "400", ""},
      {"dots that are none", "GET /open/..a/x...y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200", "GET /open/..a/x...y"},

      // What changes the protocol, or waits.
      {"an offer of h2c", "GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "200", "GET /h2 http2-settings=AAMAAABkAARAAAAAAAIAAAAA"},
      {"h2c among others", "GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n", "200", "GET /h2"},
      {"a body under an upgrade", with("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 6", "a=evil"), "403", ""},
      {"a form that says gRPC", kHead + "Content-Type: application/grpc\r\nContent-Length: 12\r\n\r\nbody is evil", "403", ""},
      {"Expect", with("Expect: 100-continue\r\nContent-Length: 6", "a=evil"), "100 403", ""},
      {"Expect something else", with("Expect: nothing\r\nContent-Length: 6", "a=evil"), "403", ""},
      {"hop by hop headers of framing", kHead + "Connection: close, Content-Length\r\nContent-Length: 6\r\n\r\na=fine", "200", "POST / [a=fine]"},
  };
}

// One HTTP/2 request in plain text, its headers as literals without a table (RFC 7541, 6.2.2), so that anything can be in them.
struct Http2Row {
  std::string name;
  std::vector<std::pair<std::string, std::string>> headers;  // instead of, or after, :method POST, :scheme http, :path /, :authority a
  std::string body;
  int status;  // of the edge record; 0: the stream was reset
  std::string seen;
  ring::RequestFault fault = ring::RequestFault::kNone;
};

std::string frame(char type, char flags, char stream, const std::string& payload) {
  return {std::string{'\0', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size()), type, flags, '\0', '\0', '\0', stream} + payload};
}

std::string http2_request(const Http2Row& row) {
  std::vector<std::pair<std::string, std::string>> headers{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  for (const auto& header : row.headers) {
    const auto same = std::find_if(headers.begin(), headers.end(), [&](const auto& one) { return one.first == header.first && header.first[0] == ':'; });
    if (same != headers.end()) same->second = header.second;
    else headers.push_back(header);
  }
  headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  std::string block;
  for (const auto& [name, value] : headers) {
    block += '\0';
    for (const auto& text : {name, value}) block += static_cast<char>(text.size()) + text;
  }
  constexpr char kHeaders = 1, kData = 0, kSettings = 4, kEndHeaders = 4, kEndStream = 1;
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, "") + frame(kHeaders, kEndHeaders, 1, block) + frame(kData, kEndStream, 1, row.body);
}

std::vector<Http2Row> http2_rows() {
  using enum ring::RequestFault;
  return {
      {"a form", {}, "a=fine", 200, "POST / [a=fine]" + kForm},
      {"an attack", {}, "a=evil", 403, ""},
      {"with its length", {{"content-length", "6"}}, "a=fine", 200, "POST / [a=fine]" + kForm},
      {"less than its length", {{"content-length", "9"}}, "a=fine", 400, ""},
      {"more than its length", {{"content-length", "0"}}, "a=fine", 400, ""},
      {"two lengths", {{"content-length", "6"}, {"content-length", "5"}}, "a=fine", 400, ""},
      {"chunked", {{"transfer-encoding", "chunked"}}, "0\r\n\r\n" + kPlain, 400, "", kCodingInHttp2},
      {"chunked, with a length", {{"transfer-encoding", "chunked"}, {"content-length", "6"}}, "a=fine", 400, ""},
      {"a line end in a value", {{"x-a", "b\r\ntransfer-encoding: chunked"}}, "a=fine", 0, ""},
      {"LF in a value", {{"x-a", "b\ntransfer-encoding: chunked"}}, "a=fine", 0, ""},
      {"a null byte in a value", {{"x-a", "b\0c"s}}, "a=fine", 0, ""},
      {"a line end in a name", {{"x-a: b\r\ntransfer-encoding", "chunked"}}, "a=fine", 0, ""},
      {"a colon in a name", {{"transfer-encoding:", "chunked"}}, "a=fine", 0, ""},
      {"a capital in a name", {{"Transfer-Encoding", "chunked"}}, "a=fine", 0, ""},
      {"a request in the path", {{":path", "/ HTTP/1.1\r\nhost: a\r\n\r\nGET /second"}}, "a=fine", 0, ""},
      {"a blank in the path", {{":path", "/a b"}}, "a=fine", 400, ""},
      {"a request in the method", {{":method", "GET /second HTTP/1.1\r\nhost: a\r\n\r\nGET"}}, "a=fine", 0, ""},
      {"a path that is none", {{":path", "second"}}, "a=fine", 400, ""},
      {"a host in the scheme", {{":scheme", "http://b/x?"}}, "a=fine", 400, ""},
      {"another host", {{"host", "b"}}, "a=fine", 400, ""},
      {"a body that says gRPC", {{"content-type", "application/grpc"}}, "body is evil", 403, ""},
  };
}

// As the world writes its proxies: connections to the application are used again, and WebSocket is let through.
void start(Nginx& nginx, const Recorder& application, const std::string& listen, waf::Mode mode = waf::Mode::kBlock) {
  const auto folder = nginx.folder().path("run/waf");
  std::filesystem::create_directories(folder);
  const auto bundle = policy::make_bundle_of("SecRuleEngine On\nSecRequestBodyAccess On\nSecRule ARGS|REQUEST_HEADERS:X-Test \"@contains evil\" \"id:1,phase:2,deny\"\nSecRule REQUEST_URI_RAW \"@beginsWith /forbidden\" \"id:2,phase:1,deny\"\n"
                                             "SecRule REQUEST_HEADERS:Content-Type \"@beginsWith application/grpc\" \"id:3,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On\"\nSecRule REQUEST_BODY \"@contains evil\" \"id:4,phase:2,deny\"\n",
                                             "/test.conf", waf::real_files());
  REQUIRE_MESSAGE(bundle.ok(), (bundle.ok() ? "" : bundle.error().message));
  std::ofstream(folder + "/rules", std::ios::binary) << *bundle;
  policy::PolicyFile file{"rules", {}};
  file.policies.push_back({"all", mode, {}, {}, {}});
  std::ofstream(folder + "/policies.json") << policy::write_policy_file(file);
  nginx.configure("ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; map $http_upgrade $upgrading { default upgrade; \"\" \"\"; }"
                  "upstream application { server 127.0.0.1:" + std::to_string(application.port()) + "; keepalive 4; }"
                  "server { listen @PORT@" + listen + "; ringwall_waf all; location / { proxy_http_version 1.1; proxy_set_header Host $http_host;"
                  "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrading; proxy_pass http://application; }"
                  "location /open/ { ringwall_waf off; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection \"\"; proxy_pass http://application; } }");
  nginx.start();
}

}  // namespace

TEST_CASE("smuggling: what is ambiguous is refused, and what is not arrives as it was judged") {
  Recorder application;
  Nginx nginx;
  start(nginx, application, "");
  for (const auto& row : rows()) {
    CAPTURE(row.name);
    const auto answer = speak(nginx.port(), row.bytes);
    CHECK(statuses(answer) == row.status);
    CHECK(application.take() == row.seen);
    bool refused = row.fault == ring::RequestFault::kNone;
    for (const auto& record : nginx.records(1)) {
      if (row.fault != ring::RequestFault::kNone) CHECK(record.status == 400);
      refused = refused || record.request_fault == row.fault;
      if (row.fault == ring::RequestFault::kNone) CHECK(record.request_fault == row.fault);
    }
    CHECK(refused);
  }
}

TEST_CASE("smuggling: HTTP/2 that becomes HTTP/1.1") {
  Recorder application;
  Nginx nginx;
  start(nginx, application, " http2");
  for (const auto& row : http2_rows()) {
    CAPTURE(row.name);
    const int fd = send_on_new_connection(nginx.port(), http2_request(row));
    const auto record = nginx.record();
    ::close(fd);
    CHECK(record.status == row.status);
    CHECK(record.request_fault == row.fault);
    CHECK(application.take() == row.seen);
  }
}

TEST_CASE("smuggling: where nothing is refused for rules, a path is not either") {
  Recorder application;
  Nginx nginx;
  start(nginx, application, "", waf::Mode::kLog);
  CHECK(statuses(speak(nginx.port(), "GET /open/..;a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) == "200");
  CHECK(application.take() == "GET /open/..;a/x");
  CHECK(statuses(speak(nginx.port(), "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n")) == "400");
  CHECK(application.take() == "");
}
