// Signals that a request comes from a program, and their sum.
//
//   BotWatch watch({.protocol = 1001, .tls = true});
//   for (…) watch.header(name, value);      // in the order they came
//   const BotSignals signals = watch.finish();   signals.score()
//
// What a browser always sends is looked for only where its User-Agent says that it is one, and only what that browser sends from the
// version on that is asked for here: a browser has no signal.  A claim to be a crawler is noted and not believed or doubted: whether the
// address is Google's is nothing this can know.  Pure, allocates nothing, a few passes over the User-Agent and one look at each name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringwall::policy {

// By their bits, which the edge record carries.
enum class BotSignal : std::uint8_t {
  kNoUserAgent,       // none, or empty
  kScanner,           // the User-Agent names a scanner
  kLibrary,           // or a library or tool that programs use
  kCrawler,           // or a search engine or other crawler
  kHeadless,          // or a browser without a window
  kNoAccept,          // a browser's User-Agent without Accept
  kNoAcceptLanguage,  // … Accept-Language
  kNoAcceptEncoding,  // … Accept-Encoding
  kNoSecFetch,        // Chromium or Firefox over TLS without Sec-Fetch-*
  kNoClientHints,     // Chromium over TLS asks for a page without Sec-CH-UA
  kOldHttp,           // a browser with HTTP/1.0
  kHeaderCase,        // a browser with a header name in lower case in HTTP/1.1
  kHeaderOrder,       // Chromium or Firefox whose first header in HTTP/1.1 is not Host
  kHoneypot,          // a path nobody links to, and not served
};
inline constexpr std::size_t kBotSignalCount = 14;

struct BotSignals {
  std::uint32_t bits = 0;
  void add(BotSignal signal) { bits |= 1u << static_cast<unsigned>(signal); }
  bool has(BotSignal signal) const { return (bits >> static_cast<unsigned>(signal) & 1) != 0; }
  bool none() const { return bits == 0; }
  int score() const;
  // "library,no_accept"; bits nobody knows are left out.
  std::string text() const;
};

std::string_view name_of(BotSignal signal);
int score_of(BotSignal signal);

struct BotRequest {
  int protocol = 1001;  // as nginx counts: 9, 1000, 1001, 2000
  bool tls = false;
};

class BotWatch {
 public:
  explicit BotWatch(const BotRequest& request) : request_(request) {}
  // The value has to live until finish().
  void header(std::string_view name, std::string_view value);
  BotSignals finish() const;

 private:
  void missing(BotSignals& out) const;

  BotRequest request_;
  std::string_view user_agent_;
  std::uint32_t seen_ = 0;  // Seen in bots.cpp
  std::uint32_t headers_ = 0;
};

// Of a policy: what is done with a score, and the paths nobody links to.
struct BotText {
  std::int64_t deny_score = 0, note_score = 0;  // 0: nothing is
  std::vector<std::string> honeypots;           // "/.env"; "/.git/*" for all that begins so
  bool operator==(const BotText&) const = default;

  bool is_honeypot(std::string_view uri_path) const;
};
inline constexpr std::size_t kHoneypotsMax = 1000;

}  // namespace ringwall::policy
