// The visitor that writes for people: docs/declaration.md.
#include <fmt/format.h>

#include "declare/parse.h"
#include "declare/values.h"

namespace ringwall::declare {

namespace detail {

namespace {

template <class T>
std::string type_name(const Rule& rule) {
  if constexpr (IsList<T>::value) {
    return "list of " + type_name<typename IsList<T>::Item>(rule);
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true, false";
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    return "duration, " + range_text<T>(rule);
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    return "map of texts";
  } else if constexpr (std::is_enum_v<T> || std::is_same_v<T, std::string>) {
    return rule.choices.empty() ? "text" : fmt::format("{}", fmt::join(rule.choices, ", "));
  } else if constexpr (std::is_integral_v<T>) {
    return (rule.bytes ? "size, " : "") + range_text<T>(rule);
  } else {
    return "map";
  }
}

// One section per map, in the order of the declaration: its own table first, then the maps inside it.
class ReferenceWriter {
 public:
  explicit ReferenceWriter(std::string prefix) : prefix_(std::move(prefix)) {}

  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view sentence) {
    std::string standard = rule.required ? "required" : "";
    if constexpr (!Struct<T>) {
      const Json value = value_of(member, rule);
      if (!rule.required && !value.empty() && value != "") standard = value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::string cell(sentence);
    for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
    table_ += fmt::format("| `{}` | {} | {} | {} |\n", key, type_name<T>(rule), standard, cell);
    const auto path = prefix_.empty() ? std::string(key) : prefix_ + "." + std::string(key);
    if constexpr (Struct<T>) {
      inner_ += section<T>(path, sentence);
    } else if constexpr (IsList<T>::value) {
      if constexpr (Struct<typename IsList<T>::Item>) inner_ += section<typename IsList<T>::Item>(path + "[]", sentence);
    }
  }

  std::string text() const { return "| key | value | default | meaning |\n|---|---|---|---|\n" + table_ + inner_; }

 private:
  template <class T>
  static std::string section(const std::string& path, std::string_view sentence) {
    ReferenceWriter writer(path);
    T value{};
    describe(writer, value);
    return fmt::format("\n## {}\n\n{}\n\n{}", path, sentence, writer.text());
  }

  std::string prefix_, table_, inner_;
};

constexpr std::string_view kExample = R"(application: shop
environment: prod
region: eu-west-1

edge:
  listeners:
    - address: 0.0.0.0:80
      tls: false
      redirect_to_https: true
    - address: 0.0.0.0:443
  hosts:
    - names: [shop.example.com, www.shop.example.com]
      routes:
        - path: /
          service: storefront
        - path: = /old-cart
          redirect_to: /cart
          redirect_status: 301

services:
  - name: storefront
    command: [node, server.js, --port, "{port}"]
    count: 2
    health: { path: /healthz }
    depends_on: [database]
  - name: database
    protocol: tcp
    addresses: ["10.0.0.7:5432"]

telemetry:
  retention: { hot: 30d, archive: 1y }
  files:
    - path: /var/log/postgresql/*.log
      service: database
)";

}  // namespace
}  // namespace detail

std::string reference_example() { return std::string(detail::kExample); }

std::string reference() {
  std::string out =
      "# The declaration: every key\n\n"
      "Made from the same definitions as `ringwall check` and `ringwall schema`; a test compares.\n\n"
      "A declaration is one YAML document, by custom `ringwall.yaml`:\n\n```yaml\n";
  out += detail::kExample;
  out +=
      "```\n\n"
      "Durations are a number and `ms`, `s`, `m`, `h`, `d`, `w` or `y` (365 days); sizes a number and `KiB`, `MiB`, `GiB` or `TiB`.\n"
      "Paths are relative to the declaration. Unknown keys, keys given twice and keys without effect are errors. Anchors and\n"
      "aliases work, merge keys (`<<`) do not. Reserved for later versions, and an error until then: ";
  for (const auto& reserved : detail::kReserved) out += fmt::format("{}`{}`", &reserved == detail::kReserved ? "" : ", ", reserved.path);
  out += fmt::format(".\n\nLimits: {} bytes, {} levels of maps and lists, {} values with aliases expanded.\n\n", kTextBytesMax, kDepthMax, kNodesMax);
  detail::ReferenceWriter writer("");
  Declaration value;
  detail::describe(writer, value);
  return out + writer.text();
}

}  // namespace ringwall::declare
