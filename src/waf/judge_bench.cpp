// What judging costs without a server: judge_bench RULES [WORKLOAD [SECONDS [new | cold]]]
//
// Values of arguments and cookies and the path differ from request to request, as they do; with "new" nothing of other requests is
// remembered, with "cold" other work comes between two requests, as a server's and its kernel's does, and takes the caches.
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall::waf;

namespace {

constexpr std::size_t kOthersBytes = 512 << 10;  // what comes between two requests touches so much

// '#' stands for a digit that is another one in each request.
struct Workload {
  std::string name, method, uri, content_type, body, page, cookie = "session=6f1d2c9a7b########; theme=dark; cart=AB-0#####";
};

std::vector<Workload> workloads() {
  std::string form, json = "{\"items\":[", page = "<!doctype html><html><body>";
  for (int i = 0; i < 33; ++i) form += fmt::format("{}field_{:02}={}", i == 0 ? "" : "&", i, i % 3 != 0 ? fmt::format("The+quick+brown+fox+jumps+over+a+lazy+dog+####{}", i) : fmt::format("user####{}%40example.com", i));
  for (int i = 0; i < 75; ++i) {
    json += fmt::format("{}{{\"id\":1####{},\"sku\":\"AB-##{:05}\",\"name\":\"Wireless mouse, model ##{}\",\"price\":1##{}.95,\"tags\":[\"office\",\"input\"],\"note\":\"", i == 0 ? "" : ",", i, i * 7, i, i % 90 + 5);
    for (int n = 0; n < 4; ++n) json += "In stock #### ships within two days. ";
    json += "\"}";
  }
  json += "],\"currency\":\"EUR\"}";
  for (int i = 0; i < 750; ++i) page += fmt::format("<div class='item'><h2>Item ####{0}</h2><p>A fine thing to have, delivered tomorrow. Price {0}.99 EUR.</p><a href='/item/{0}'>more</a></div>\n", i);
  std::string upload;
  for (const auto& [name, value] : {std::pair("title", "Summer holidays ####"), std::pair("album", "2026")}) upload += fmt::format("--XyZ\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", name, value);
  upload += "--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"beach.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
  for (int i = 0; i < 2800; ++i) upload += "JFIFdata0123456789";
  upload += "\r\n--XyZ--\r\n";
  return {{"get", "GET", "/index.html", "", "", ""},
          {"args", "GET", "/search?category=books&page=1####&sort=price_asc&min=10&max=200&brand=acme+tools&color=blue&size=xl&q=wireless+mouse+for+work+####&ref=newsletter-2026-##", "", "", ""},
          {"form", "POST", "/order", "application/x-www-form-urlencoded", form, ""},
          {"json", "POST", "/api/items", "application/json", json, ""},
          {"string", "POST", "/api/items", "application/json", "{\"text\":\"" + page.substr(0, 20'000) + "\"}", ""},
          {"html", "GET", "/page.html", "", "", page.substr(0, 102'400)},
          {"upload", "POST", "/upload", "multipart/form-data; boundary=XyZ", upload, ""}};
}

void judge(Transaction& t, const Workload& work) {
  t.reset({.client_address = "192.0.2.1", .server_address = "192.0.2.9", .server_name = "shop", .unique_id = "0123456789abcdef", .client_port = 4711, .server_port = 443, .now_ns = 1'700'000'000'000'000'000});
  t.request_line(work.method, work.uri, "HTTP/1.1");
  const std::string length = std::to_string(work.body.size());
  t.request_header("Host", "shop.example");
  t.request_header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
  t.request_header("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
  t.request_header("Accept-Language", "en-GB,en;q=0.7");
  t.request_header("Referer", "https://shop.example/start");
  t.request_header("Cookie", work.cookie);
  if (!work.body.empty()) {
    t.request_header("Content-Length", length);
    t.request_header("Content-Type", work.content_type);
  }
  t.request_headers_done();
  if (!work.body.empty()) t.request_body(work.body);
  t.request_body_done();
  t.response_line(200, "HTTP/1.1");
  t.response_header("Content-Type", work.page.empty() ? "application/json" : "text/html");
  t.response_headers_done();
  if (t.wants_response_body()) t.response_body(work.page);
  t.response_body_done();
  t.logging();
}

// Puts digits where '#' stands.
class Numbers {
 public:
  explicit Numbers(Workload& work) {
    for (auto* text : {&work.uri, &work.body, &work.page, &work.cookie}) {
      for (auto& c : *text) {
        if (c == '#') places_.push_back(&c);
      }
    }
  }
  void next() {
    for (auto* place : places_) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      *place = static_cast<char>('0' + (state_ >> 33) % 10);
    }
  }

 private:
  std::vector<char*> places_;
  std::uint64_t state_ = 1;
};

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double measured(Transaction& transaction, const Workload& work) {
  const auto begin = cpu_us();
  judge(transaction, work);
  return cpu_us() - begin;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return fmt::print(stderr, "judge_bench RULES [WORKLOAD [SECONDS]]\n"), 2;
  auto before = cpu_us();
  auto source = read_seclang_file(arguments[1], real_files());
  if (!source.ok()) return fmt::print(stderr, "{}\n", source.error().message), 1;
  const auto read = cpu_us() - before;
  auto again = *source;
  before = cpu_us();
  const auto rules = RuleSet::compile(std::move(*source));
  if (!rules.ok()) return fmt::print(stderr, "{}\n", rules.error().message), 1;
  const auto compiled = cpu_us() - before;
  before = cpu_us();
  const auto after = RuleSet::compile(std::move(again), {.previous = *rules});
  fmt::print("read {:.1f} ms, compile {:.1f} ms, compile after a change {:.1f} ms\n", read / 1e3, compiled / 1e3, (cpu_us() - before) / 1e3);
  const bool cold = count > 4 && std::string_view(arguments[4]) == "cold";
  std::vector<std::uint64_t> others(kOthersBytes / sizeof(std::uint64_t));
  const bool remembers = count < 5 || std::string_view(arguments[4]) != "new";
  const auto memory = remembers ? TextMemory::make(**rules) : nullptr;
  const auto transaction = Transaction::make(*rules, nullptr, memory);
  const double seconds = count > 3 ? std::atof(arguments[3]) : 1;
  for (auto& work : workloads()) {
    if (count > 2 && work.name != arguments[2]) continue;
    Numbers numbers(work);
    for (int i = 0; i < 200; ++i) {
      numbers.next();
      judge(*transaction, work);
    }
    double spent = 0;
    std::uint64_t times = 0;
    for (; times == 0 || spent < seconds * 1e6; ++times) {
      numbers.next();
      if (cold) {
        for (std::size_t i = 0; i < others.size(); i += 8) others[i] += times;
      }
      spent += measured(*transaction, work);
    }
    std::string ids;
    for (const auto& match : transaction->matches()) ids += fmt::format(" {}", match.rule_id);
    fmt::print("{:8} {:9.1f} us  {:9} steps {}\n", work.name, spent / static_cast<double>(times), transaction->steps(), ids);
  }
  return 0;
}
