// The schema is checked with a small validator of the words it uses, against declarations that the reader judged, too.
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "base/world.h"
#include "declare/test_support.h"
#include "declare/yaml.h"

using namespace ringwall;
using namespace ringwall::declare;
using Json = nlohmann::json;

namespace {

// YAML's core schema, as an editor reads a scalar.
Json plain(const declare::detail::Node& node) {
  static const std::regex number("-?[0-9]+");
  if (node.quoted) return node.scalar;
  if (node.scalar == "true" || node.scalar == "false") return node.scalar == "true";
  if (std::regex_match(node.scalar, number) && node.scalar.size() < 18) return std::stoll(node.scalar);
  return node.scalar;
}

Json as_json(const declare::detail::Node& node) {
  switch (node.kind) {
    case declare::detail::Node::Kind::kNull: return nullptr;
    case declare::detail::Node::Kind::kScalar: return plain(node);
    case declare::detail::Node::Kind::kList: {
      Json list = Json::array();
      for (const auto& item : node.list) list.push_back(as_json(item));
      return list;
    }
    case declare::detail::Node::Kind::kMap: {
      Json map = Json::object();
      for (const auto& [key, value] : node.map) map[key.scalar] = as_json(value);
      return map;
    }
  }
  return nullptr;
}

bool has_type(const Json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) || (type == "string" && value.is_string()) ||
         (type == "integer" && value.is_number_integer()) || (type == "number" && value.is_number()) || (type == "boolean" && value.is_boolean());
}

// The first thing that JSON Schema 2020-12 would object to; empty: nothing.
std::string objection(const Json& schema, const Json& value, const std::string& path = "") {
  static const std::set<std::string> known = {"$schema", "title", "description", "default", "type", "properties", "additionalProperties", "required", "items",
                                              "minItems", "minimum", "maximum", "enum", "pattern", "propertyNames", "format"};
  for (const auto& [word, unused] : schema.items()) {
    if (!known.contains(word)) return path + ": the validator does not know " + word;
  }
  if (schema.contains("type")) {
    const auto& type = schema["type"];
    bool fits = false;
    for (const auto& one : type.is_array() ? type : Json::array({type})) fits = fits || has_type(value, one);
    if (!fits) return path + ": type";
  }
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) return path + ": enum";
  if (value.is_string() && schema.contains("pattern") && !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>()))) return path + ": pattern";
  if (value.is_number_integer() && schema.contains("minimum") && value.get<std::int64_t>() < schema["minimum"].get<std::int64_t>()) return path + ": minimum";
  if (value.is_number_integer() && schema.contains("maximum") && value.get<std::int64_t>() > schema["maximum"].get<std::int64_t>()) return path + ": maximum";
  if (value.is_array()) {
    if (schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>()) return path + ": minItems";
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto inner = objection(schema.at("items"), value[i], path + "[" + std::to_string(i) + "]"); !inner.empty()) return inner;
    }
  }
  if (value.is_object()) {
    for (const auto& name : schema.value("required", Json::array())) {
      if (!value.contains(name)) return path + ": required " + name.get<std::string>();
    }
    const auto& rest = schema.at("additionalProperties");
    for (const auto& [key, item] : value.items()) {
      const auto inside = path + "." + key;
      if (schema.contains("propertyNames") && !objection(schema["propertyNames"], key).empty()) return inside + ": propertyNames";
      const bool named = schema.contains("properties") && schema["properties"].contains(key);
      if (!named && rest == false) return inside + ": additionalProperties";
      if (auto inner = objection(named ? schema["properties"][key] : rest, item, inside); !inner.empty()) return inner;
    }
  }
  return "";
}

std::string objection_to(const std::string& text) {
  static const Json schema = Json::parse(json_schema());
  declare::detail::Node root;
  declare::detail::YamlError error;
  REQUIRE(declare::detail::read_yaml(text, root, error));
  return objection(schema, as_json(root));
}

}  // namespace

TEST_CASE("the schema accepts what the reader accepts") {
  const auto shop = base::real_files().read(RINGWALL_SOURCE_DIR "/examples/shop/ringwall.yaml");
  REQUIRE(shop.ok());
  for (const auto& text : {std::string(kGood), reference_example(), *shop, normal_form(declared(std::string(kGood))), normal_form(Declaration{}),
                           std::string(kGood) + "telemetry: { otlp: { listen: '', body_bytes_max: 1048576 }, files: [{ path: a, tags: { a: 1, b: true } }] }\n"}) {
    CAPTURE(text);
    CHECK(findings(text) == "");
    CHECK(objection_to(text) == "");
  }
}

TEST_CASE("the schema refuses what an editor can see") {
  struct SchemaCase {
    const char* instead_of;
    const char* text;
    const char* want;
  };
  constexpr SchemaCase kCases[] = {
      {"application: shop\n", "", ": required application"},
      {"application: shop", "aplication: shop", ": required application"},
      {kAfter, "colour: blue\n", ".colour: additionalProperties"},
      {kAfter, "alerts: {}\n", ".alerts: additionalProperties"},
      {kAfter, "region: a b\n", ".region: pattern"},
      {kAfter, "region: ''\n", ".region: pattern"},
      {kAfter, "region: [a]\n", ".region: type"},
      {kAfter, "api: { listen: '' }\n", ".api.listen: pattern"},
      {kAfter, "telemetry: { retention: { hot: 30 days } }\n", ".telemetry.retention.hot: pattern"},
      {kAfter, "telemetry: { spool: { bytes_max: 4Gb } }\n", ".telemetry.spool.bytes_max: pattern"},
      {kAfter, "    balance: best\n", ".services[0].balance: enum"},
      {kAfter, "    keepalive: 10001\n", ".services[0].keepalive: maximum"},
      {kAfter, "    keepalive: -1\n", ".services[0].keepalive: minimum"},
      {kAfter, "    env: { 1A: b }\n", ".services[0].env.1A: propertyNames"},
      {kAfter, "    health: { path: healthz }\n", ".services[0].health.path: pattern"},
      {"    - address: 0.0.0.0:443\n", "    - address: 0.0.0.0:443\n      tls: yes\n", ".edge.listeners[0].tls: type"},
      {"path: /", "path: api", ".edge.hosts[0].routes[0].path: pattern"},
      {"[shop.example.com]", "[]", ".edge.hosts[0].names: minItems"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto text = changed(c.instead_of, c.text);
    CHECK(objection_to(text) == c.want);
    CHECK(findings(text) != "");
  }
}

TEST_CASE("the schema has every key of the normal form, with a sentence and the default the structs have") {
  const Json schema = Json::parse(json_schema());
  int keys = 0;
  const std::function<void(const Json&, const Json&)> walk = [&](const Json& node, const Json& value) {
    if (value.is_array() && !value.empty() && value[0].is_object()) return walk(node.at("items"), value[0]);
    if (!value.is_object() || !node.contains("properties")) return;
    CHECK(node.at("additionalProperties") == false);
    CHECK(node.at("properties").size() == value.size());
    for (const auto& [key, item] : value.items()) {
      CAPTURE(key);
      REQUIRE(node.at("properties").contains(key));
      const auto& property = node.at("properties").at(key);
      CHECK(property.at("description").get<std::string>().size() > 10);
      if (property.contains("default")) CHECK(objection(property, property["default"]) == "");
      ++keys;
      walk(property, item);
    }
  };
  walk(schema, Json::parse(normal_form(declared(std::string(kGood) + "telemetry: { files: [{ path: a }] }\n"))));
  CHECK(keys > 90);
  CHECK(schema.at("properties").at("environment").at("default") == "dev");
  CHECK(schema.at("properties").at("telemetry").at("properties").at("otlp").at("properties").at("listen").at("default") == "127.0.0.1:4318");
}
