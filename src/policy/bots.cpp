#include "policy/bots.h"

#include <algorithm>
#include <iterator>

namespace ringwall::policy {

namespace {

struct SignalRow {
  std::string_view name;
  int score;
};
// Ten is what nobody does by accident.  A browser that lacks one header may be behind a filter; one that lacks three is none.
constexpr SignalRow kSignals[kBotSignalCount] = {
    {"no_user_agent", 4}, {"scanner", 10},   {"library", 3},         {"crawler", 0},  {"headless", 0},    {"no_accept", 4},    {"no_accept_language", 3},
    {"no_accept_encoding", 3}, {"no_sec_fetch", 4}, {"no_client_hints", 3}, {"old_http", 4}, {"header_case", 4}, {"header_order", 3}, {"honeypot", 10}};

// Lower case.  A word is found where it begins a run of letters and digits of the User-Agent and no letter follows it.
constexpr std::string_view kScanners[] = {
    "acunetix", "arachni", "burpcollaborator", "censysinspect", "commix", "dalfox", "dirbuster", "dirsearch", "feroxbuster", "ffuf", "fimap", "fuzz", "gobuster", "grabber", "havij",
    "internet-measurement", "jaeles", "jbrofuzz", "l9explore", "l9tcpid", "masscan", "metasploit", "morfeus", "nessus", "netsparker", "nikto", "nmap", "nuclei", "openvas", "paros", "qualys",
    "sqlmap", "sqlninja", "sqlpowerinjector", "skipfish", "subfinder", "tplmap", "w3af", "wapiti", "webinspect", "wfuzz", "whatweb", "wpscan", "xspider", "xsser", "xsstrike", "zaproxy", "zgrab", "zmeu", "zmap"};
// Only at the beginning: later ones are parts of other names.
constexpr std::string_view kLibraries[] = {
    "aiohttp", "apache-httpclient", "axios", "curl", "dart", "fasthttp", "go-http-client", "got", "guzzlehttp", "http.rb", "httpie", "httpx", "java", "jakarta", "libcurl", "libwww-perl", "lwp", "mechanize",
    "node", "node-fetch", "okhttp", "php", "postmanruntime", "powershell", "pycurl", "python", "python-httpx", "python-requests", "python-urllib", "reqwest", "rest-client", "restsharp", "ruby", "scrapy",
    "superagent", "undici", "unirest", "urllib", "wget", "winhttp", "wininet"};
constexpr std::string_view kCrawlers[] = {
    "adsbot-google", "ahrefsbot", "amazonbot", "apis-google", "applebot", "archive.org_bot", "baiduspider", "bingbot", "bingpreview", "bytespider", "ccbot", "chatgpt-user", "claudebot", "discordbot", "dotbot",
    "duckduckbot", "facebookexternalhit", "facebot", "feedfetcher-google", "googlebot", "googleother", "google-inspectiontool", "gptbot", "ia_archiver", "linkedinbot", "mediapartners-google", "meta-externalagent", "mj12bot", "msnbot", "oai-searchbot",
    "perplexitybot", "petalbot", "pinterestbot", "semrushbot", "seznambot", "slackbot", "slurp", "sogou", "storebot-google", "telegrambot", "twitterbot", "uptimerobot", "whatsapp", "yandexbot", "yandex", "yisouspider"};
constexpr std::string_view kHeadless[] = {"headlesschrome", "phantomjs", "slimerjs"};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool digit(char c) { return c >= '0' && c <= '9'; }

// Whether `text` begins with the word, which is in lower case, and it ends there.
bool begins_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size() || lower(text[0]) != word[0]) return false;
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (lower(text[i]) != word[i]) return false;
  }
  return text.size() == word.size() || !letter(text[word.size()]);
}

// A list with where each first letter begins in it, so that few words are looked at.
template <std::size_t N>
struct Words {
  const std::string_view (&all)[N];
  std::uint8_t begin[27] = {};

  constexpr explicit Words(const std::string_view (&words)[N]) : all(words) {
    for (std::size_t letter_at = 0, at = 0; letter_at < 27; ++letter_at) {
      while (at < N && static_cast<std::size_t>(words[at][0] - 'a') < letter_at) ++at;
      begin[letter_at] = static_cast<std::uint8_t>(at);
    }
  }
  bool begin_of(std::string_view text) const {
    if (text.empty() || !letter(text[0])) return false;
    const auto at = static_cast<std::size_t>(lower(text[0]) - 'a');
    return std::any_of(all + begin[at], all + begin[at + 1], [text](std::string_view word) { return begins_with_word(text, word); });
  }
};
template <std::size_t N>
constexpr bool in_order(const std::string_view (&words)[N]) {
  return std::is_sorted(std::begin(words), std::end(words), [](std::string_view a, std::string_view b) { return a[0] < b[0]; }) && words[0][0] >= 'a' && words[N - 1][0] <= 'z';
}
static_assert(in_order(kScanners) && in_order(kLibraries) && in_order(kCrawlers) && in_order(kHeadless));
constexpr Words kScannerWords(kScanners);
constexpr Words kLibraryWords(kLibraries);
constexpr Words kCrawlerWords(kCrawlers);
constexpr Words kHeadlessWords(kHeadless);

bool same_nocase(std::string_view name, std::string_view lower_name) {
  return name.size() == lower_name.size() && std::equal(name.begin(), name.end(), lower_name.begin(), [](char a, char b) { return lower(a) == b; });
}

enum Seen : std::uint32_t {
  kSeenUserAgent = 1 << 0,
  kSeenAccept = 1 << 1,
  kSeenLanguage = 1 << 2,
  kSeenEncoding = 1 << 3,
  kSeenFetch = 1 << 4,
  kSeenHints = 1 << 5,
  kSeenProxy = 1 << 6,    // somebody in between, who may write headers anew
  kSeenUpgrade = 1 << 7,  // WebSocket handshakes have other headers
  kSeenRange = 1 << 8,    // as media players
  kSeenReport = 1 << 9,   // reports are sent by another part of the browser
  kLowerCase = 1 << 10,
  kHostFirst = 1 << 11,
  kSeenNavigate = 1 << 12,  // Sec-Fetch-Mode says that a page is asked for
};

// What a User-Agent says it is.
enum class Engine { kNone, kChromium, kFirefox, kOther };
struct Browser {
  Engine engine = Engine::kNone;
  int version = 0;
};

int version_after(std::string_view text, std::string_view product) {
  const auto at = text.find(product);
  if (at == text.npos) return 0;
  int version = 0;
  for (auto i = at + product.size(); i < text.size() && digit(text[i]) && version < 100'000; ++i) version = version * 10 + (text[i] - '0');
  return version;
}

Browser browser_of(std::string_view agent) {
  if (!agent.starts_with("Mozilla/5.0 (")) return {};
  // Browsers in applications leave out what they like.
  for (const auto* embedded : {"; wv)", " Version/4.0 Chrome/", " Edge/", "Electron/", "QtWebEngine/", "Tizen", "Web0S", "SMART-TV", "PlayStation", "Nintendo"}) {
    if (agent.find(embedded) != agent.npos) return {};
  }
  if (const auto chrome = version_after(agent, " Chrome/"); chrome != 0) return {Engine::kChromium, chrome};
  if (const auto headless = version_after(agent, " HeadlessChrome/"); headless != 0) return {Engine::kChromium, headless};
  if (const auto firefox = version_after(agent, " Firefox/"); firefox != 0) return {Engine::kFirefox, firefox};
  // Safari, and every browser of iOS.
  if (agent.find(" AppleWebKit/") != agent.npos && agent.find(" Safari/") != agent.npos && agent.find("Android") == agent.npos) return {Engine::kOther, 0};
  return {};
}

// From these versions on both send what is asked for here with every request; some years old at the time of writing.
constexpr int kModern = 100;

}  // namespace

std::string_view name_of(BotSignal signal) { return kSignals[static_cast<std::size_t>(signal)].name; }
int score_of(BotSignal signal) { return kSignals[static_cast<std::size_t>(signal)].score; }

int BotSignals::score() const {
  int sum = 0;
  for (std::size_t i = 0; i < kBotSignalCount; ++i) sum += (bits >> i & 1) != 0 ? kSignals[i].score : 0;
  return sum;
}

std::string BotSignals::text() const {
  std::string out;
  for (std::size_t i = 0; i < kBotSignalCount; ++i) {
    if ((bits >> i & 1) == 0) continue;
    if (!out.empty()) out += ',';
    out += kSignals[i].name;
  }
  return out;
}

void BotWatch::header(std::string_view name, std::string_view value) {
  if (headers_++ == 0 && same_nocase(name, "host")) seen_ |= kHostFirst;
  if (name.empty()) return;
  const auto is = [&](std::string_view lower_name) { return same_nocase(name, lower_name); };
  switch (lower(name[0])) {
    case 'a':
      if (is("accept")) seen_ |= kSeenAccept;
      else if (is("accept-language")) seen_ |= kSeenLanguage;
      if (!is("accept-encoding")) return;
      seen_ |= kSeenEncoding;
      break;
    case 'c':
      if (is("content-type") && (value.starts_with("application/reports+json") || value.starts_with("application/csp-report"))) seen_ |= kSeenReport;
      return;
    case 'f':
      if (is("forwarded")) seen_ |= kSeenProxy;
      return;
    case 'h':
      if (!is("host")) return;
      break;
    case 'r':
      if (is("range")) seen_ |= kSeenRange;
      return;
    case 's':
      if (is("sec-fetch-mode") && value == "navigate") seen_ |= kSeenNavigate;
      if (name.size() > 10 && same_nocase(name.substr(0, 10), "sec-fetch-")) seen_ |= kSeenFetch;
      else if (is("sec-ch-ua")) seen_ |= kSeenHints;
      return;  // Chromium writes sec-ch-ua small
    case 'u':
      if (is("upgrade")) {
        seen_ |= kSeenUpgrade;
        return;
      }
      if (!is("user-agent")) return;
      seen_ |= kSeenUserAgent;
      user_agent_ = value;
      break;
    case 'v':
      if (is("via")) seen_ |= kSeenProxy;
      return;
    case 'x':
      if (is("x-forwarded-for") || is("x-real-ip")) seen_ |= kSeenProxy;
      return;
    default: return;
  }
  // Those that scripts cannot set: what they do set comes as they wrote it.
  if (name[0] >= 'a') seen_ |= kLowerCase;
}

BotSignals BotWatch::finish() const {
  BotSignals out;
  auto agent = user_agent_;
  while (agent.starts_with(' ')) agent.remove_prefix(1);
  if (agent.empty()) {
    out.add(BotSignal::kNoUserAgent);
    return out;
  }
  if (kLibraryWords.begin_of(agent)) out.add(BotSignal::kLibrary);
  for (std::size_t i = 0; i < agent.size(); ++i) {
    const bool begins = (letter(agent[i]) || digit(agent[i])) && (i == 0 || !(letter(agent[i - 1]) || digit(agent[i - 1])));
    if (!begins) continue;
    const auto rest = agent.substr(i);
    if (kScannerWords.begin_of(rest)) out.add(BotSignal::kScanner);
    if (kCrawlerWords.begin_of(rest)) out.add(BotSignal::kCrawler);
    if (kHeadlessWords.begin_of(rest)) out.add(BotSignal::kHeadless);
  }
  if (!out.has(BotSignal::kScanner) && !out.has(BotSignal::kCrawler)) missing(out);
  return out;
}

// What the browser that the User-Agent names would not do.
void BotWatch::missing(BotSignals& out) const {
  const auto browser = browser_of(user_agent_);
  if (browser.engine == Engine::kNone) return;
  const bool proxied = (seen_ & kSeenProxy) != 0;
  if (request_.protocol < 1001 && !proxied) out.add(BotSignal::kOldHttp);
  if (request_.protocol == 1001 && !proxied) {
    if ((seen_ & kLowerCase) != 0) out.add(BotSignal::kHeaderCase);
    if ((seen_ & kHostFirst) == 0 && browser.engine != Engine::kOther) out.add(BotSignal::kHeaderOrder);
  }
  if ((seen_ & (kSeenUpgrade | kSeenRange | kSeenReport)) != 0) return;
  if ((seen_ & kSeenAccept) == 0) out.add(BotSignal::kNoAccept);
  if ((seen_ & kSeenLanguage) == 0) out.add(BotSignal::kNoAcceptLanguage);
  if ((seen_ & kSeenEncoding) == 0) out.add(BotSignal::kNoAcceptEncoding);
  if (!request_.tls || browser.version < kModern) return;
  if ((seen_ & kSeenFetch) == 0) out.add(BotSignal::kNoSecFetch);
  // Workers and preflights of CORS have none.
  const bool page = (seen_ & kSeenNavigate) != 0 || (seen_ & kSeenFetch) == 0;
  if (browser.engine == Engine::kChromium && page && (seen_ & kSeenHints) == 0) out.add(BotSignal::kNoClientHints);
}

bool BotText::is_honeypot(std::string_view uri_path) const {
  return std::any_of(honeypots.begin(), honeypots.end(), [uri_path](std::string_view one) {
    return one.ends_with('*') ? uri_path.starts_with(one.substr(0, one.size() - 1)) : uri_path == one;
  });
}

}  // namespace ringwall::policy
