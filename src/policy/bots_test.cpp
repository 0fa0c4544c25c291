// Requests as browsers, tools and crawlers send them, and the signals they have.  No browser has one.
#include "policy/bots.h"

#include <doctest/doctest.h>

#include "base/hash.h"

using namespace ringwall;
using namespace ringwall::policy;

namespace {

struct Request {
  const char* name;
  BotRequest line;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  const char* want;
};

std::string signals_of(const Request& request) {
  BotWatch watch(request.line);
  for (const auto& [name, value] : request.headers) watch.header(name, value);
  return watch.finish().text();
}

constexpr BotRequest kPlain{1001, false}, kTls{1001, true}, kHttp2{2000, true}, kOld{1000, false};
constexpr auto kChrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
constexpr auto kChromeAndroid = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
constexpr auto kEdge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0";
constexpr auto kFirefox = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
constexpr auto kSafari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15";
constexpr auto kIphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1";
constexpr auto kHtml = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
constexpr auto kBrands = "\"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"";

}  // namespace

TEST_CASE("bots: browsers have no signal") {
  const Request kRequests[] = {
      {"Chrome, a page, HTTP/2", kHttp2,
       {{"host", "a"}, {"sec-ch-ua", kBrands}, {"sec-ch-ua-mobile", "?0"}, {"sec-ch-ua-platform", "\"Linux\""}, {"upgrade-insecure-requests", "1"}, {"user-agent", kChrome}, {"accept", kHtml}, {"sec-fetch-site", "none"},
        {"sec-fetch-mode", "navigate"}, {"sec-fetch-user", "?1"}, {"sec-fetch-dest", "document"}, {"accept-encoding", "gzip, deflate, br, zstd"}, {"accept-language", "en-US,en;q=0.9"}, {"priority", "u=0, i"}}, ""},
      {"Chrome, a page, TLS and HTTP/1.1", kTls,
       {{"Host", "a"}, {"Connection", "keep-alive"}, {"sec-ch-ua", kBrands}, {"sec-ch-ua-mobile", "?0"}, {"sec-ch-ua-platform", "\"Linux\""}, {"Upgrade-Insecure-Requests", "1"}, {"User-Agent", kChrome}, {"Accept", kHtml},
        {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Mode", "navigate"}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "en-US"}}, ""},
      {"Chrome without TLS", kPlain, {{"Host", "a"}, {"Connection", "keep-alive"}, {"Upgrade-Insecure-Requests", "1"}, {"User-Agent", kChrome}, {"Accept", kHtml}, {"Accept-Encoding", "gzip, deflate"}, {"Accept-Language", "en-US,en;q=0.9"}}, ""},
      {"a script's fetch writes names small", kPlain, {{"Host", "a"}, {"Connection", "keep-alive"}, {"User-Agent", kChrome}, {"accept", "application/json"}, {"accept-language", "de"}, {"content-type", "application/json"}, {"Origin", "http://a"}, {"Accept-Encoding", "gzip"}}, ""},
      {"Chrome's WebSocket", kTls, {{"Host", "a"}, {"Connection", "Upgrade"}, {"Pragma", "no-cache"}, {"User-Agent", kChrome}, {"Upgrade", "websocket"}, {"Origin", "https://a"}, {"Sec-WebSocket-Version", "13"}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}, {"Sec-WebSocket-Key", "x"}}, ""},
      {"Chrome's video", kTls, {{"Host", "a"}, {"Connection", "keep-alive"}, {"User-Agent", kChrome}, {"Accept", "*/*"}, {"Sec-Fetch-Site", "same-origin"}, {"Range", "bytes=0-"}}, ""},
      {"Chrome's preflight", kHttp2, {{"host", "a"}, {"accept", "*/*"}, {"access-control-request-method", "PUT"}, {"user-agent", kChrome}, {"sec-fetch-mode", "cors"}, {"accept-encoding", "gzip"}, {"accept-language", "en"}}, ""},
      {"Chrome's worker", kHttp2, {{"host", "a"}, {"user-agent", kChrome}, {"accept", "*/*"}, {"sec-fetch-site", "same-origin"}, {"sec-fetch-mode", "same-origin"}, {"sec-fetch-dest", "worker"}, {"accept-encoding", "gzip"}, {"accept-language", "en"}}, ""},
      {"Chrome's report", kHttp2, {{"host", "a"}, {"content-type", "application/reports+json"}, {"user-agent", kChrome}, {"accept-encoding", "gzip"}, {"accept-language", "en"}}, ""},
      {"Chrome behind a proxy that speaks HTTP/1.0 and sorts", kOld, {{"Via", "1.1 squid"}, {"user-agent", kChrome}, {"Host", "a"}, {"Accept", kHtml}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}}, ""},
      {"Chrome on Android", kHttp2, {{"host", "a"}, {"sec-ch-ua", kBrands}, {"user-agent", kChromeAndroid}, {"accept", kHtml}, {"sec-fetch-site", "none"}, {"accept-encoding", "gzip"}, {"accept-language", "en"}}, ""},
      {"Edge", kHttp2, {{"host", "a"}, {"sec-ch-ua", kBrands}, {"user-agent", kEdge}, {"accept", kHtml}, {"sec-fetch-site", "none"}, {"accept-encoding", "gzip"}, {"accept-language", "en"}}, ""},
      {"an old Chrome knows no hints", kTls, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.112 Safari/537.36"}, {"Accept", kHtml}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}}, ""},
      {"a view in an Android application", kTls, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36"}, {"X-Requested-With", "app"}}, ""},
      {"a phone whose name ends in bot", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"}, {"Accept", "*/*"}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "es"}}, ""},
      {"Firefox", kHttp2, {{"host", "a"}, {"user-agent", kFirefox}, {"accept", kHtml}, {"accept-language", "en-US,en;q=0.5"}, {"accept-encoding", "gzip, deflate, br, zstd"}, {"sec-fetch-dest", "document"}, {"sec-fetch-mode", "navigate"}, {"te", "trailers"}}, ""},
      {"Firefox without TLS", kPlain, {{"Host", "a"}, {"User-Agent", kFirefox}, {"Accept", kHtml}, {"Accept-Language", "en-US,en;q=0.5"}, {"Accept-Encoding", "gzip, deflate"}, {"Connection", "keep-alive"}}, ""},
      {"Safari", kTls, {{"Host", "a"}, {"Sec-Fetch-Dest", "document"}, {"User-Agent", kSafari}, {"Accept", kHtml}, {"Accept-Language", "en-US,en;q=0.9"}, {"Accept-Encoding", "gzip, deflate, br"}, {"Connection", "keep-alive"}}, ""},
      {"Safari on an iPhone", kHttp2, {{"host", "a"}, {"accept", kHtml}, {"accept-language", "en-GB"}, {"user-agent", kIphone}, {"accept-encoding", "gzip, deflate, br"}}, ""},
      {"Chrome on an iPhone", kHttp2, {{"host", "a"}, {"user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1"}, {"accept", kHtml}, {"accept-language", "en"}, {"accept-encoding", "gzip"}}, ""},
      {"Internet Explorer", kPlain, {{"Accept", "text/html"}, {"Accept-Language", "en-US"}, {"User-Agent", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"}, {"Accept-Encoding", "gzip"}, {"Host", "a"}}, ""},
      {"a browser nobody knows", kTls, {{"host", "a"}, {"User-Agent", "Lynx/2.9.0 libwww-FM/2.14"}}, ""},
  };
  for (const auto& request : kRequests) {
    CAPTURE(request.name);
    CHECK(signals_of(request) == request.want);
  }
}

TEST_CASE("bots: programs have theirs") {
  const Request kRequests[] = {
      {"nothing at all", kPlain, {{"Host", "a"}}, "no_user_agent"},
      {"an empty one", kPlain, {{"Host", "a"}, {"User-Agent", " "}}, "no_user_agent"},
      {"curl", kPlain, {{"Host", "a"}, {"User-Agent", "curl/7.88.1"}, {"Accept", "*/*"}}, "library"},
      {"Go", kPlain, {{"Host", "a"}, {"User-Agent", "Go-http-client/1.1"}, {"Accept-Encoding", "gzip"}}, "library"},
      {"Python", kPlain, {{"Host", "a"}, {"User-Agent", "python-requests/2.32.3"}, {"Accept-Encoding", "gzip"}, {"Accept", "*/*"}}, "library"},
      {"Java", kPlain, {{"User-Agent", "Java/17.0.2"}, {"Host", "a"}}, "library"},
      {"JavaScript is no Java", kPlain, {{"User-Agent", "JavaScriptThing/1"}, {"Host", "a"}}, ""},
      {"Node's fetch", kPlain, {{"host", "a"}, {"user-agent", "node"}, {"accept", "*/*"}}, "library"},
      {"sqlmap", kPlain, {{"Host", "a"}, {"User-Agent", "sqlmap/1.7.2#stable (https://sqlmap.org)"}}, "scanner"},
      {"Nikto", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)"}}, "scanner"},
      {"Nmap", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"}}, "scanner"},
      {"zgrab", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 zgrab/0.x"}}, "scanner"},
      {"Nuclei in a browser's clothes", kTls, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Nuclei"}}, "scanner"},
      {"DirBuster", kPlain, {{"Host", "a"}, {"User-Agent", "DirBuster-1.0-RC1 (http://www.owasp.org/index.php/Category:OWASP_DirBuster_Project)"}}, "scanner"},
      {"Googlebot", kHttp2, {{"host", "a"}, {"user-agent", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/131.0.0.0 Safari/537.36"}, {"accept", kHtml}}, "crawler"},
      {"bingbot", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"}}, "crawler"},
      {"GPTBot", kPlain, {{"Host", "a"}, {"User-Agent", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"}}, "crawler"},
      {"headless Chromium", kTls,
       {{"Host", "a"}, {"Connection", "keep-alive"}, {"sec-ch-ua", "x"}, {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36"}, {"Accept", kHtml}, {"Sec-Fetch-Site", "none"},
        {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}}, "headless"},
      {"a script that says Chrome", kTls, {{"Host", "a"}, {"User-Agent", kChrome}, {"Accept-Encoding", "gzip"}, {"Accept", "*/*"}, {"Connection", "keep-alive"}}, "no_accept_language,no_sec_fetch,no_client_hints"},
      {"one that knows more", kTls, {{"Host", "a"}, {"User-Agent", kChrome}, {"Accept", kHtml}, {"Sec-Fetch-Mode", "navigate"}, {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}}, "no_client_hints"},
      {"a script that says Chrome, without TLS", kPlain, {{"Host", "a"}, {"User-Agent", kChrome}, {"Accept", "*/*"}}, "no_accept_language,no_accept_encoding"},
      {"a script that says Firefox", kTls, {{"Host", "a"}, {"User-Agent", kFirefox}, {"Accept-Language", "en"}, {"Accept-Encoding", "gzip"}, {"Accept", "*/*"}}, "no_sec_fetch"},
      {"a script that says iPhone", kTls, {{"Host", "a"}, {"User-Agent", kIphone}}, "no_accept,no_accept_language,no_accept_encoding"},
      {"another order", kPlain, {{"User-Agent", kChrome}, {"Accept", "*/*"}, {"Accept-Language", "en"}, {"Accept-Encoding", "gzip"}, {"Host", "a"}}, "header_order"},
      {"small names", kPlain, {{"host", "a"}, {"user-agent", kFirefox}, {"accept", "*/*"}, {"accept-language", "en"}, {"accept-encoding", "gzip"}}, "header_case"},
      {"HTTP/1.0", kOld, {{"Host", "a"}, {"User-Agent", kChrome}, {"Accept", "*/*"}, {"Accept-Language", "en"}, {"Accept-Encoding", "gzip"}}, "old_http"},
  };
  for (const auto& request : kRequests) {
    CAPTURE(request.name);
    CHECK(signals_of(request) == request.want);
  }
}

TEST_CASE("bots: scores and names") {
  BotSignals signals;
  CHECK(signals.none());
  CHECK(signals.score() == 0);
  signals.add(BotSignal::kLibrary);
  signals.add(BotSignal::kHoneypot);
  CHECK(signals.text() == "library,honeypot");
  CHECK(signals.score() == score_of(BotSignal::kLibrary) + score_of(BotSignal::kHoneypot));
  CHECK(BotSignals{0xffff'ffff}.text().ends_with(",honeypot"));  // of a later version
}

TEST_CASE("bots: honeypots") {
  const BotText text{.honeypots = {"/.env*", "/.git/*", "/wp-login.php"}};
  for (const auto* path : {"/.env", "/.env.local", "/.git/config", "/wp-login.php"}) CHECK(text.is_honeypot(path));
  for (const auto* path : {"/", "/.git", "/env", "/wp-login.php/x", "/a/.env"}) CHECK(!text.is_honeypot(path));
}

// Whatever comes, the same signals come out, and only those there are.
TEST_CASE("bots: any User-Agent") {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    std::string agent;
    static constexpr std::string_view kPieces[] = {"Mozilla/5.0 (", "sqlmap", "Chrome/", " Firefox/", "99999999999999", "curl", ")", " ", "/", "\xff", "Nikto", "Safari/", " AppleWebKit/", "bot", "Googlebot"};
    for (auto bits = base::mix64(seed); bits != 0; bits >>= 5) agent += kPieces[bits % std::size(kPieces)];
    BotWatch watch(seed % 2 == 0 ? kTls : kPlain), again(seed % 2 == 0 ? kTls : kPlain);
    watch.header("User-Agent", agent);
    again.header("uSER-aGENT", agent);
    const auto signals = watch.finish();
    CHECK((signals.bits >> kBotSignalCount) == 0);
    CHECK((signals.score() == 0 || !signals.none()));
    CHECK((again.finish().bits | 1u << static_cast<unsigned>(BotSignal::kHeaderCase)) == (signals.bits | 1u << static_cast<unsigned>(BotSignal::kHeaderCase)));
  }
}
