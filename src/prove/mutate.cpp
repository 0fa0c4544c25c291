// Request `number` of a seed: one of the tests' requests, or two of them, changed.
#include <algorithm>
#include <iterator>

#include "prove/detail/layout.h"
#include "prove/detail/texts.h"
#include "prove/prove.h"

namespace ringwall::prove {

namespace {

using detail::Arguments;
using detail::Container;
using detail::Random;

constexpr std::size_t kArgumentsMax = 12;  // of a request laid out anew; sometimes kManyArguments
constexpr std::size_t kManyArguments = 300;

constexpr std::string_view kContentTypes[] = {"application/x-www-form-urlencoded", "application/json", "application/vnd.api+json", "text/xml", "application/xml; charset=utf-8", "multipart/form-data",
                                              "multipart/form-data; boundary=ringwallprove", "multipart/form-data; boundary=\"a b\"", "text/plain", "application/soap+xml", "application/x-www-form-urlencoded; charset=utf-7",
                                              "APPLICATION/JSON", "text/html", "application/octet-stream", ""};
constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE", "get", "PROPFIND"};
constexpr std::string_view kProtocols[] = {"HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/0.9", "HTTP/3.0", "JUNK/1.0"};
constexpr std::string_view kResponseTypes[] = {"text/html", "text/plain; charset=utf-8", "application/json", "text/xml", "image/png"};

// Raw bytes of the request itself.
void change_somewhere(Exchange& exchange, const Bank& bank, Random& random) {
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2: return detail::change_text(exchange.uri, bank, random);
    case 3:
    case 4: return detail::change_text(exchange.body, bank, random);
    case 5:
    case 6:
      if (!exchange.headers.empty()) detail::change_text(exchange.headers[random.below(exchange.headers.size())].value, bank, random);
      return;
    case 7:
      if (!exchange.headers.empty() && random.one_in(3)) return detail::change_text(exchange.headers[random.below(exchange.headers.size())].name, bank, random);
      exchange.headers.push_back({random.one_in(2) ? "X-A" : "Referer", detail::fresh_text(bank, random)});
      return;
    case 8:
      if (random.one_in(2)) exchange.method = random.of(kMethods);
      else if (random.one_in(2)) exchange.protocol = random.of(kProtocols);
      else detail::set_header(exchange, "Content-Type", std::string(random.of(kContentTypes)));
      return;
    default: detail::change_text(exchange.response_body, bank, random);
  }
}

// Its arguments, changed, in another place.
void lay_out_anew(Exchange& exchange, const Bank& bank, Random& random) {
  auto arguments = detail::arguments_of(exchange);
  if (arguments.size() > kArgumentsMax) arguments.resize(kArgumentsMax);
  if (arguments.empty() || random.one_in(2)) arguments.emplace_back(random.one_in(3) ? detail::fresh_text(bank, random) : "a", detail::fresh_text(bank, random));
  for (auto changes = random.below(4); changes > 0; --changes) {
    auto& [name, value] = arguments[random.below(arguments.size())];
    detail::change_text(random.one_in(5) ? name : value, bank, random);
  }
  if (random.one_in(5)) {  // the same name again
    auto again = random.of(arguments);
    if (random.one_in(2)) again.second = detail::fresh_text(bank, random);
    arguments.push_back(std::move(again));
  }
  if (random.one_in(60)) {
    const auto one = random.of(arguments);
    for (auto count = random.below(kManyArguments); count > 0; --count) arguments.emplace_back(one.first, one.second.substr(0, 40));
  }
  const bool raw = random.one_in(4);
  detail::put(arguments, static_cast<Container>(random.below(detail::kContainerCount)), raw, exchange);
  // A part of them in a second place.
  if (random.one_in(3)) detail::put({random.of(arguments)}, static_cast<Container>(random.below(detail::kContainerCount)), raw, exchange);
}

// The uri of the one, headers and body of the other.
void splice(Exchange& exchange, const Exchange& other, Random& random) {
  if (random.one_in(2)) exchange.uri = other.uri;
  if (random.one_in(2)) {
    exchange.body = other.body;
    exchange.method = other.method;
    if (const auto* type = detail::header_of(other, "content-type")) detail::set_header(exchange, "Content-Type", *type);
  }
  if (random.one_in(2) && !other.headers.empty()) exchange.headers.push_back(random.of(other.headers));
  if (random.one_in(3)) {
    exchange.status = other.status;
    exchange.response_headers = other.response_headers;
    exchange.response_body = other.response_body;
  }
}

}  // namespace

Exchange mutated(const Bank& bank, std::uint64_t seed, std::uint64_t number) {
  Random random(seed, number);
  Exchange out = random.of(bank.seeds);
  if (random.one_in(4)) splice(out, random.of(bank.seeds), random);
  const auto way = random.below(5);
  if (way <= 2) lay_out_anew(out, bank, random);
  if (way >= 2) {
    for (auto changes = random.below(4) + 1; changes > 0; --changes) change_somewhere(out, bank, random);
  }
  if (random.one_in(6)) {
    if (out.response_body.empty() || random.one_in(2)) out.response_body = "<p>" + detail::fresh_text(bank, random) + "</p>";
    detail::change_text(out.response_body, bank, random);
    out.response_headers.push_back({"Content-Type", std::string(random.of(kResponseTypes))});
    if (random.one_in(3)) out.status = 200 + static_cast<int>(random.below(4) * 100 + random.below(5));
  }
  // Mostly true, or every request would only be one of a wrong length.
  if (!out.body.empty() && !random.one_in(8)) detail::set_header(out, "Content-Length", std::to_string(out.body.size()));
  return out;
}

}  // namespace ringwall::prove
