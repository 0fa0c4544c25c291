// Realistic log records from a seed: the same seed gives the same records on every machine.
//
// Twelve services with unequal rates write what services write: access lines with user agents, SQL statements with
// timings, calls to other services, queue messages, payments with UUIDs, a few stack traces.  Two thirds belong to a
// trace of about eight records.  A needle stands in three of the records.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringwall::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Small numbers are frequent, large ones rare: users, products.
  std::uint64_t skewed(std::uint64_t n) { return static_cast<std::uint64_t>(std::pow(static_cast<double>(n), unit() * unit())) % n; }
  // Milliseconds as latencies are distributed.
  double latency_ms(double median) {
    const double gauss = std::sqrt(-2 * std::log(unit() + 1e-12)) * std::cos(6.283185307179586 * unit());
    return median * std::exp(0.8 * gauss);
  }

 private:
  std::uint64_t state_;
};

inline constexpr std::string_view kNeedle = "ndl-7f3aQx91zzKd";
inline constexpr std::array<std::string_view, 12> kServices = {"edge",     "storefront", "cart",   "catalog", "search",  "identity",
                                                               "payments", "inventory",  "orders", "mailer",  "billing", "audit"};

struct GeneratedLog {
  std::int64_t time_ns = 0;
  int service = 0;
  int host = 0;
  int severity = 9;
  std::uint64_t trace_high = 0, trace_low = 0, span = 0;  // zero: none
  std::string message;
  std::vector<std::pair<std::string_view, std::string>> attributes;
};

class LogGenerator {
 public:
  // `records` are spread over `span_ns` beginning at `start_ns`.
  LogGenerator(std::uint64_t records, std::int64_t start_ns, std::int64_t span_ns, std::uint64_t seed = 1)
      : random_(seed), records_(records), start_ns_(start_ns), step_ns_(static_cast<double>(span_ns) / static_cast<double>(records)) {}

  void next(GeneratedLog& log) {
    log.attributes.clear();
    log.message.clear();
    const std::uint64_t i = made_++;
    // Agents send with up to 2 s of delay, so arrival order is only nearly the order of time.
    log.time_ns = start_ns_ + static_cast<std::int64_t>(static_cast<double>(i) * step_ns_) - static_cast<std::int64_t>(random_.below(2'000'000)) * 1000;
    static constexpr int kShare[] = {28, 46, 54, 62, 69, 75, 81, 86, 91, 94, 97, 100};
    const auto draw = static_cast<int>(random_.below(100));
    log.service = 0;
    while (draw >= kShare[log.service]) ++log.service;
    log.host = log.service * 3 + static_cast<int>(random_.below(3));
    set_trace(log);
    const auto level = random_.below(1000);
    log.severity = level < 40 ? 5 : level < 900 ? 9 : level < 970 ? 13 : level < 998 ? 17 : 21;
    write_message(log);
    if (i == records_ / 7 || i == records_ / 2 || i == records_ - records_ / 11 - 1) log.message.append(" ").append(kNeedle);
  }

 private:
  void set_trace(GeneratedLog& log) {
    log.trace_high = log.trace_low = log.span = 0;
    if (random_.below(3) == 0) return;
    auto& trace = open_[random_.below(open_.size())];
    if (trace.left-- <= 0) trace = {random_.next(), random_.next(), static_cast<int>(4 + random_.below(9))};
    log.trace_high = trace.high;
    log.trace_low = trace.low;
    log.span = random_.next();
  }

  std::string number(std::uint64_t n) { return std::to_string(n); }
  std::string milliseconds(double median) {
    const auto micros = static_cast<std::uint64_t>(random_.latency_ms(median) * 1000);
    std::string fraction = std::to_string(micros % 1000);
    return std::to_string(micros / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
  }
  std::string uuid() {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    const std::uint64_t words[2] = {random_.next(), random_.next()};
    for (int i = 0; i < 32; ++i) {
      if (i == 8 || i == 12 || i == 16 || i == 20) out.push_back('-');
      out.push_back(kHex[words[i / 16] >> (i % 16 * 4) & 15]);
    }
    return out;
  }
  template <std::size_t N>
  std::string_view one_of(const std::string_view (&choices)[N]) {
    return choices[random_.below(N)];
  }

  void write_access(GeneratedLog& log) {
    static constexpr std::string_view kRoutes[] = {"/", "/products/{id}", "/products/{id}/reviews", "/cart", "/cart/items/{id}", "/checkout",
                                                   "/account/orders", "/search", "/login", "/assets/{file}"};
    static constexpr std::string_view kMethods[] = {"GET", "GET", "GET", "GET", "GET", "POST", "PUT", "DELETE"};
    static constexpr std::string_view kAgents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.14.1", "okhttp/5.1.0", "kube-probe/1.34"};
    const auto route = one_of(kRoutes);
    std::string path(route);
    if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, number(1000 + random_.skewed(50'000)));
    if (const auto at = path.find("{file}"); at != std::string::npos) path.replace(at, 6, "app." + number(random_.below(8)) + "f3c.js");
    if (route == "/search") path.append("?q=item+").append(number(random_.skewed(4000)));
    const auto method = one_of(kMethods);
    const auto status = log.severity >= 17 ? "503" : log.severity >= 13 ? "404" : random_.below(9) == 0 ? "304" : "200";
    const auto took = milliseconds(method == "GET" ? 18 : 55);
    log.message.append(method).append(" ").append(path).append(" ").append(status).append(" ").append(number(200 + random_.skewed(60'000)));
    log.message.append(" \"").append(one_of(kAgents)).append("\"");
    log.attributes.emplace_back("http.request.method", method);
    log.attributes.emplace_back("http.route", route);
    log.attributes.emplace_back("http.response.status_code", status);
    log.attributes.emplace_back("duration_ms", took);
    log.attributes.emplace_back("client.address", "10." + number(random_.below(4)) + "." + number(random_.below(256)) + "." + number(random_.skewed(256)));
  }

  void write_message(GeneratedLog& log) {
    static constexpr std::string_view kTables[] = {"orders", "order_items", "customers", "products", "stock", "payments", "sessions"};
    static constexpr std::string_view kTopics[] = {"order.created", "stock.changed", "mail.requested", "invoice.issued"};
    if (log.service == 0) return write_access(log);
    switch (random_.below(7)) {
      case 0:
      case 1: {
        const auto table = one_of(kTables);
        const auto took = milliseconds(3);
        log.message.append("query ok: SELECT * FROM ").append(table).append(" WHERE id = $1 took ").append(took).append(" ms, ").append(number(random_.below(40))).append(" rows");
        log.attributes.emplace_back("db.system.name", "postgresql");
        log.attributes.emplace_back("db.collection.name", table);
        log.attributes.emplace_back("duration_ms", took);
        break;
      }
      case 2:
      case 3: {
        const auto peer = kServices[1 + random_.below(kServices.size() - 1)];
        log.message.append("called ").append(peer).append(" attempt 1 answered 200 in ").append(milliseconds(12)).append(" ms");
        log.attributes.emplace_back("peer.service", peer);
        break;
      }
      case 4: {
        const auto topic = one_of(kTopics);
        log.message.append("consumed ").append(topic).append(" partition ").append(number(random_.below(12))).append(" offset ").append(number(8'000'000 + made_ / 9));
        log.attributes.emplace_back("messaging.destination.name", topic);
        break;
      }
      case 5:
        log.message.append("payment ").append(uuid()).append(" authorised for customer ").append(number(random_.skewed(200'000))).append(" amount ").append(number(random_.skewed(900))).append(".90 EUR");
        log.attributes.emplace_back("customer.id", number(random_.skewed(200'000)));
        break;
      default:
        if (log.severity >= 17) {
          log.message.append("Error: connect ETIMEDOUT 10.0.3.").append(number(random_.below(250))).append(":5432\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n    at Pool.query (pool.js:45:11)\n    at handle (orders.js:").append(number(100 + random_.below(40))).append(":9)");
        } else {
          log.message.append("customer ").append(number(random_.skewed(200'000))).append(" updated cart: ").append(number(1 + random_.below(9))).append(" items");
        }
    }
  }

  struct Trace {
    std::uint64_t high = 0, low = 0;
    int left = 0;
  };
  Random random_;
  std::uint64_t records_, made_ = 0;
  std::int64_t start_ns_;
  double step_ns_;
  std::array<Trace, 64> open_{};
};

}  // namespace ringwall::bench
