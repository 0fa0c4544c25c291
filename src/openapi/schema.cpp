// Schema objects become numbered schemas, keyword by keyword.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "openapi/detail/compile.h"
#include "openapi/detail/pattern.h"

namespace ringwall::openapi::detail {

namespace {

using NodeKind = Node::Kind;

constexpr std::uint8_t kOpen = 255;

constexpr std::pair<std::string_view, std::uint8_t> kTypes[] = {{"null", kIsNull},     {"boolean", kIsBoolean}, {"integer", kIsInteger}, {"number", kIsNumber | kIsInteger},
                                                               {"string", kIsString}, {"array", kIsArray},     {"object", kIsObject}};

// Keywords that constrain nothing.
constexpr std::string_view kAnnotations[] = {"title", "description", "default", "example", "examples", "deprecated", "externalDocs", "xml", "writeOnly", "$comment", "$schema", "$defs", "definitions", "$anchor",
                                             "$dynamicAnchor", "contentEncoding", "contentMediaType", "contentSchema", "$vocabulary"};

bool annotation(std::string_view key) { return key.starts_with("x-") || std::find(std::begin(kAnnotations), std::end(kAnnotations), key) != std::end(kAnnotations); }

std::uint8_t kind_of(const Value& value) {
  switch (value.kind) {
    case Kind::kNull: return kIsNull;
    case Kind::kBoolean: return kIsBoolean;
    case Kind::kNumber: return value.exact ? kIsNumber | kIsInteger : kIsNumber;
    case Kind::kArray: return kIsArray;
    case Kind::kObject: return kIsObject;
    case Kind::kString:
    case Kind::kText: break;
  }
  return kIsString;
}

}  // namespace

const Property* find_property(const Schema& schema, std::string_view name) {
  const auto at = std::lower_bound(schema.properties.begin(), schema.properties.end(), name, [](const Property& one, std::string_view wanted) { return sorts_before(one.name, wanted); });
  return at != schema.properties.end() && at->name == name ? &*at : nullptr;
}

SchemaCompiler::SchemaCompiler(Schemas& out, References& references, Reporter& reporter, bool version_31)
    : out_(out), references_(references), reporter_(reporter), version_31_(version_31) {
  out_.list.emplace_back();
  spots_.emplace_back();
}

std::uint32_t SchemaCompiler::number_of(const Spot& spot) {
  if (!spot) return kAnything;
  if (const auto known = numbers_.find(spot.node); known != numbers_.end()) return known->second;
  if (spots_.size() == kSchemasMax) {
    reporter_.error(spot, fmt::format("more than {} schemas", kSchemasMax));
    return kAnything;
  }
  const auto number = static_cast<std::uint32_t>(spots_.size());
  spots_.push_back(spot);
  numbers_[spot.node] = number;
  return number;
}

void SchemaCompiler::finish() {
  for (; compiled_ < spots_.size(); ++compiled_) {
    out_.list.resize(std::max(out_.list.size(), spots_.size()));
    compile(static_cast<std::uint32_t>(compiled_));
  }
  out_.list.resize(spots_.size());
  depths_.assign(spots_.size(), 0);
  taken_known_.assign(spots_.size(), 0);
  for (std::uint32_t i = 1; i < spots_.size(); ++i) {
    if (composition_depth(i, 0) > kCompositionDepthMax) return;
  }
  for (std::uint32_t i = 0; i < spots_.size(); ++i) out_.list[i].taken = taken(i);
  for (auto& schema : out_.list) {
    for (auto& one : schema.properties) {
      // A reference is as read-only as what it refers to.
      for (auto at = one.schema; at != kNone && !one.read_only; at = out_.list[at].reference) one.read_only = out_.list[at].read_only;
      if (one.read_only) one.required = false;  // in answers
      schema.required_count += one.required ? 1 : 0;
    }
  }
}

void SchemaCompiler::compile(std::uint32_t number) {
  const auto at = spots_[number];
  Schema schema;
  if (at.node->kind == NodeKind::kBoolean) {
    schema.never = at.node->text == "false";
    schema.composed = schema.never;
  } else if (is_map(at, reporter_, "a schema")) {
    const auto reference_at = member(at, "$ref");
    if (reference_at) reference(schema, reference_at, at);
    if (!reference_at || version_31_) {
      for (std::size_t i = 0; i < at.node->keys.size(); ++i) keyword(schema, child(at, i), at, at.node->keys[i]);
    }
    if (schema.one_of.empty() && schema.any_of.empty()) schema.discriminator.reset();  // says nothing without alternatives
  }
  std::sort(schema.properties.begin(), schema.properties.end(), [](const auto& a, const auto& b) { return sorts_before(a.name, b.name); });
  out_.list[number] = std::move(schema);
}

void SchemaCompiler::reference(Schema& schema, const Spot& at, const Spot& whole) {
  if (at.node->kind != NodeKind::kString) return reporter_.error(at, "is a text");
  const auto target = references_.target(at.node->text, at);
  if (!target) return;
  schema.reference = number_of(target);
  schema.composed = true;
  if (version_31_) return;
  for (std::size_t i = 0; i < whole.node->keys.size(); ++i) {
    const auto& key = whole.node->keys[i];
    if (key != "$ref" && !annotation(key)) reporter_.warning(child(whole, i), "stands beside $ref, where OpenAPI 3.0 ignores it: put the reference into allOf");
  }
}

void SchemaCompiler::keyword(Schema& schema, const Spot& at, const Spot& whole, const std::string& key) {
  if (key == "$ref" || annotation(key)) return;
  if (key == "type") return types(schema, at);
  if (key == "enum") return constants(schema, at, true);
  if (key == "const") return constants(schema, at, false);
  if (key == "readOnly") return void(schema.read_only = is_true(whole, key, reporter_));
  if (key == "nullable") {
    schema.nullable = is_true(whole, key, reporter_);
    if (version_31_) reporter_.warning(at, "is no keyword of OpenAPI 3.1; null is accepted here: write type: [..., 'null'] to say so");
    return;
  }
  if (text_keyword(schema, at, key) || number_keyword(schema, at, whole, key) || array_keyword(schema, at, key) || object_keyword(schema, at, key) || composing_keyword(schema, at, key)) return;
  if (key == "discriminator") return discriminator(schema, at, whole);
  if (key == "$dynamicRef" || key == "$recursiveRef") return reporter_.error(at, "references that depend on who refers cannot be expressed: use $ref");
  if (key == "$id" || key == "id") return reporter_.warning(at, "has no effect: references are looked up from the document's root");
  if (key == "unevaluatedProperties" || key == "unevaluatedItems") {
    if (at.node->text != "true") reporter_.warning(at, "is not checked: what no part of the schema describes passes");
    return;
  }
  reporter_.warning(at, "is a keyword that is not known and not checked");
}

void SchemaCompiler::types(Schema& schema, const Spot& at) {
  std::uint8_t kinds = 0;
  const auto add = [&](const Spot& one) {
    const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& type) { return type.first == one.node->text; });
    if (one.node->kind != NodeKind::kString || found == std::end(kTypes)) return reporter_.error(one, "is none of null, boolean, integer, number, string, array and object");
    kinds |= found->second;
  };
  if (at.node->kind == NodeKind::kList) {
    if (!version_31_) reporter_.error(at, "a list of types is of OpenAPI 3.1: use nullable, or anyOf");
    for (std::size_t i = 0; i < at.node->items.size(); ++i) add(child(at, i));
  } else {
    add(at);
  }
  schema.kinds = kinds;
}

void SchemaCompiler::constants(Schema& schema, const Spot& at, bool list) {
  if (list && at.node->kind != NodeKind::kList) return reporter_.error(at, "is a list");
  if (!schema.constants.empty()) return reporter_.error(at, "enum and const together say the same thing twice: keep one of them");
  schema.constant_alone = !list;
  schema.composed = true;
  const auto add = [&](const Node& node) {
    auto& tape = out_.constants.emplace_back();
    const auto fault = read_json(out_.texts.emplace_back(write_json(node)), tape);
    if (!fault.what.empty()) return reporter_.error(at, fmt::format("the value {}", fault.what));
    schema.constants.push_back(tape.values.data());
  };
  if (!list) return add(*at.node);
  if (at.node->items.empty()) reporter_.error(at, "lists no value, so that nothing fits");
  for (const auto& item : at.node->items) add(item);
}

std::uint64_t SchemaCompiler::count(const Spot& at) {
  Value number;
  if (at.node->kind == NodeKind::kNumber && read_number(at.node->text, number) && number.exact && number.integer >= 0) return static_cast<std::uint64_t>(number.integer);
  reporter_.error(at, "is not a count: a whole number from 0");
  return 0;
}

std::optional<Bound> SchemaCompiler::bound(const Spot& at, bool exclusive) {
  Bound out;
  if (at.node->kind != NodeKind::kNumber || !read_number(out_.texts.emplace_back(at.node->text), out.number)) {
    reporter_.error(at, "is not a number");
    return {};
  }
  out.value = as_double(out.number);
  out.exclusive = exclusive;
  return out;
}

const Pattern* SchemaCompiler::pattern(const Spot& at, const std::string& text) {
  if (const auto known = patterns_.find(text); known != patterns_.end()) return known->second;
  auto compiled = compile_pattern(text);
  if (!compiled.ok()) {
    reporter_.error(at, compiled.error().message + (compiled.error().hint.empty() ? "" : "; " + compiled.error().hint));
    return nullptr;
  }
  return patterns_[text] = &out_.patterns.emplace_back(std::move(*compiled));
}

bool SchemaCompiler::text_keyword(Schema& schema, const Spot& at, const std::string& key) {
  if (key == "minLength") {
    schema.length_min = count(at);
  } else if (key == "maxLength") {
    schema.length_max = count(at);
  } else if (key == "pattern") {
    if (at.node->kind != NodeKind::kString) return reporter_.error(at, "is a text"), true;
    schema.pattern = pattern(at, at.node->text);
  } else if (key == "format") {
    if (at.node->kind != NodeKind::kString) return reporter_.error(at, "is a text"), true;
    schema.format = format_of(at.node->text);
    if (of_numbers(schema.format)) schema.of_number = true;
  } else {
    return false;
  }
  schema.of_text = true;
  return true;
}

bool SchemaCompiler::number_keyword(Schema& schema, const Spot& at, const Spot& whole, const std::string& key) {
  const bool minimum = key == "minimum" || key == "exclusiveMinimum";
  if (key == "multipleOf") {
    schema.multiple_of = bound(at, false);
    if (schema.multiple_of && schema.multiple_of->value <= 0) reporter_.error(at, "is not more than 0");
  } else if (minimum || key == "maximum" || key == "exclusiveMaximum") {
    const bool exclusive = key.starts_with("exclusive");
    auto& to = minimum ? schema.minimum : schema.maximum;
    if (exclusive && at.node->kind == NodeKind::kBoolean) {
      // OpenAPI 3.0: a flag of minimum or maximum, which says so where it is read.
      if (!member(whole, minimum ? "minimum" : "maximum")) reporter_.error(at, "has no bound it could be about");
      return true;
    }
    const auto flag = member(whole, minimum ? "exclusiveMinimum" : "exclusiveMaximum");
    const auto read = bound(at, exclusive || (flag && flag.node->text == "true"));
    if (!read) return true;
    // Of two the narrower one counts.
    const bool narrower = !to || (minimum ? read->value > to->value : read->value < to->value) || (read->value == to->value && read->exclusive);
    if (narrower) to = read;
  } else {
    return false;
  }
  schema.of_number = true;
  return true;
}

std::vector<std::uint32_t> SchemaCompiler::list_of_schemas(const Spot& at, bool composes) {
  std::vector<std::uint32_t> out;
  if (at.node->kind != NodeKind::kList || (composes && at.node->items.empty())) return reporter_.error(at, "is a list of schemas"), out;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) out.push_back(number_of(child(at, i)));
  return out;
}

bool SchemaCompiler::array_keyword(Schema& schema, const Spot& at, const std::string& key) {
  if (key == "items") {
    if (at.node->kind == NodeKind::kList) return reporter_.error(at, "a list of schemas is prefixItems since JSON Schema 2020-12"), true;
    schema.items = number_of(at);
  } else if (key == "prefixItems") {
    schema.prefix = list_of_schemas(at, false);
  } else if (key == "contains") {
    schema.contains = number_of(at);
  } else if (key == "minItems") {
    schema.items_min = count(at);
  } else if (key == "maxItems") {
    schema.items_max = count(at);
  } else if (key == "minContains") {
    schema.contains_min = count(at);
  } else if (key == "maxContains") {
    schema.contains_max = count(at);
  } else if (key == "uniqueItems") {
    if (at.node->kind != NodeKind::kBoolean) reporter_.error(at, "is true or false");
    schema.unique = at.node->text == "true";
  } else {
    return false;
  }
  schema.of_array = true;
  return true;
}

Property& SchemaCompiler::property(Schema& schema, const std::string& name) {
  for (auto& one : schema.properties) {
    if (one.name == name) return one;
  }
  schema.properties.push_back({name, kNone, false, false});
  return schema.properties.back();
}

void SchemaCompiler::properties(Schema& schema, const Spot& at) {
  if (!is_map(at, reporter_, "properties")) return;
  for (std::size_t i = 0; i < at.node->keys.size(); ++i) property(schema, at.node->keys[i]).schema = number_of(child(at, i));
}

std::vector<std::string> SchemaCompiler::names(const Spot& at) {
  std::vector<std::string> out;
  if (at.node->kind != NodeKind::kList) return reporter_.error(at, "is a list of names"), out;
  for (const auto& item : at.node->items) {
    if (item.kind == NodeKind::kString) out.push_back(item.text);
    else reporter_.error(at, "is a list of names");
  }
  return out;
}

void SchemaCompiler::required(Schema& schema, const Spot& at) {
  for (const auto& name : names(at)) property(schema, name).required = true;
}

bool SchemaCompiler::object_keyword(Schema& schema, const Spot& at, const std::string& key) {
  const auto each = [&](auto visit) {
    if (!is_map(at, reporter_, key)) return;
    for (std::size_t i = 0; i < at.node->keys.size(); ++i) visit(at.node->keys[i], child(at, i));
  };
  if (key == "properties") {
    properties(schema, at);
  } else if (key == "required") {
    required(schema, at);
  } else if (key == "additionalProperties") {
    schema.additional = number_of(at);
  } else if (key == "patternProperties") {
    each([&](const std::string& name, const Spot& spot) {
      if (const auto* compiled = pattern(spot, name)) schema.patterns.push_back({compiled, number_of(spot)});
    });
  } else if (key == "propertyNames") {
    schema.names = number_of(at);
  } else if (key == "minProperties") {
    schema.properties_min = count(at);
  } else if (key == "maxProperties") {
    schema.properties_max = count(at);
  } else if (key == "dependentRequired") {
    each([&](const std::string& name, const Spot& spot) { schema.dependent_required.push_back({name, names(spot)}); });
  } else if (key == "dependentSchemas") {
    each([&](const std::string& name, const Spot& spot) { schema.dependent_schemas.push_back({name, number_of(spot)}); });
  } else {
    return false;
  }
  schema.of_object = true;
  return true;
}

bool SchemaCompiler::composing_keyword(Schema& schema, const Spot& at, const std::string& key) {
  if (key == "allOf") schema.all_of = list_of_schemas(at, true);
  else if (key == "anyOf") schema.any_of = list_of_schemas(at, true);
  else if (key == "oneOf") schema.one_of = list_of_schemas(at, true);
  else if (key == "not") schema.negated = number_of(at);
  else if (key == "if") schema.condition = number_of(at);
  else if (key == "then") schema.then = number_of(at);
  else if (key == "else") schema.otherwise = number_of(at);
  else return false;
  schema.composed = true;
  return true;
}

void SchemaCompiler::discriminator(Schema& schema, const Spot& at, const Spot& whole) {
  if (!is_map(at, reporter_, "discriminator")) return;
  Discriminator out{text_of(at, "propertyName", reporter_), {}};
  if (out.property.empty()) reporter_.error(at, "has no propertyName");
  // Alternatives are known by the name of their schema, and by what the mapping calls them.
  for (const auto* list : {"oneOf", "anyOf"}) {
    const auto alternatives = member(whole, list);
    if (!alternatives || alternatives.node->kind != NodeKind::kList) continue;
    for (std::size_t i = 0; i < alternatives.node->items.size(); ++i) {
      const auto one = child(alternatives, i);
      const auto reference = member(one, "$ref");
      if (reference) out.alternatives.emplace_back(reference.node->text.substr(reference.node->text.rfind('/') + 1), number_of(one));
    }
  }
  const auto mapping = member(at, "mapping");
  if (mapping && is_map(mapping, reporter_, "mapping")) {
    for (std::size_t i = 0; i < mapping.node->keys.size(); ++i) {
      const auto& target = mapping.node->items[i].text;
      const auto name = target.substr(target.rfind('/') + 1);
      const auto known = std::find_if(out.alternatives.begin(), out.alternatives.end(), [&](const auto& one) { return one.first == name; });
      if (known != out.alternatives.end()) out.alternatives.emplace_back(mapping.node->keys[i], known->second);
      else if (!out.alternatives.empty()) reporter_.warning(child(mapping, i), "is none of the alternatives, and has no effect");
    }
  }
  schema.discriminator = std::move(out);
}

std::size_t SchemaCompiler::composition_depth(std::uint32_t number, std::size_t depth) {
  if (number == kNone || number == kAnything) return 0;
  if (depths_[number] == kOpen) {
    reporter_.error(spots_[number], "comes back to itself without looking into the value");
    return kCompositionDepthMax + 1;
  }
  if (depths_[number] != 0) return depths_[number];
  if (depth > kCompositionDepthMax) {
    reporter_.error(spots_[number], fmt::format("composed more than {} deep", kCompositionDepthMax));
    return kCompositionDepthMax + 1;
  }
  depths_[number] = kOpen;
  const auto& schema = out_.list[number];
  std::size_t below = 0;
  const auto look = [&](std::uint32_t one) {
    if (below <= kCompositionDepthMax) below = std::max(below, composition_depth(one, depth + 1));
  };
  for (const auto* list : {&schema.all_of, &schema.any_of, &schema.one_of}) {
    for (const auto one : *list) look(one);
  }
  for (const auto one : {schema.reference, schema.negated, schema.condition, schema.then, schema.otherwise}) look(one);
  for (const auto& one : schema.dependent_schemas) look(one.schema);
  if (below == kCompositionDepthMax) reporter_.error(spots_[number], fmt::format("composed more than {} deep", kCompositionDepthMax));
  depths_[number] = static_cast<std::uint8_t>(std::min(below + 1, kCompositionDepthMax + 1));
  return depths_[number];
}

std::uint8_t SchemaCompiler::taken(std::uint32_t number) {
  if (taken_known_[number] != 0) return out_.list[number].taken;
  taken_known_[number] = 1;
  auto& schema = out_.list[number];
  std::uint8_t out = schema.never ? 0 : schema.kinds;
  if (schema.reference != kNone) out &= taken(schema.reference);
  for (const auto one : schema.all_of) out &= taken(one);
  for (const auto* list : {&schema.any_of, &schema.one_of}) {
    std::uint8_t any = 0;
    for (const auto one : *list) any |= taken(one);
    if (!list->empty()) out &= any;
  }
  if (!schema.constants.empty()) {
    std::uint8_t any = 0;
    for (const auto* one : schema.constants) any |= kind_of(*one);
    out &= any;
  }
  return schema.taken = schema.nullable ? out | kIsNull : out;
}

}  // namespace ringwall::openapi::detail
