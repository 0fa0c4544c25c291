#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "openapi/detail/judge.h"
#include "openapi/detail/pattern.h"

namespace ringwall::openapi::detail {

namespace {

constexpr std::size_t kNameShownMax = 64;
constexpr std::size_t kPlaceShownMax = 256;
constexpr std::size_t kPatternShownMax = 80;
constexpr std::uint64_t kTextBytesPerStep = 16;

std::uint8_t kinds_of(const Value& value) {
  switch (value.kind) {
    case Kind::kNull: return kIsNull;
    case Kind::kBoolean: return kIsBoolean;
    case Kind::kNumber: {
      if (value.exact) return kIsInteger;
      // Beyond 64 bits, and then always whole if it is written so.
      return value.text.find_first_of(".eE") == value.text.npos ? kIsInteger : std::fabs(as_double(value)) >= 9007199254740992.0 ? kIsInteger : kIsNumber;
    }
    case Kind::kArray: return kIsArray;
    case Kind::kObject: return kIsObject;
    case Kind::kString:
    case Kind::kText: break;
  }
  return kIsString;
}

std::string kinds_text(std::uint8_t kinds) {
  constexpr std::pair<std::uint8_t, std::string_view> kWords[] = {{kIsString, "a string"}, {kIsNumber, "a number"}, {kIsInteger, "an integer"}, {kIsBoolean, "true or false"},
                                                                  {kIsArray, "an array"},  {kIsObject, "an object"}, {kIsNull, "null"}};
  std::string out;
  for (const auto& [bit, word] : kWords) {
    if ((kinds & bit) == 0 || (bit == kIsInteger && (kinds & kIsNumber) != 0)) continue;
    out += out.empty() ? "is not " : " or ";
    out += word;
  }
  return out.empty() ? "is nothing that could fit" : out;
}

// In code points; the text is UTF-8.
std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// A number as digits times a power of ten, exact; false when it has too many digits for that.
bool decimal(std::string_view text, __int128& digits, int& power) {
  digits = 0;
  power = 0;
  bool negative = false, fraction = false;
  int count = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '-') negative = true;
    else if (text[i] == '.') fraction = true;
    else {
      if (digits != 0 || text[i] != '0') ++count;
      if (count > 18) return false;
      digits = digits * 10 + (text[i] - '0');
      power -= fraction ? 1 : 0;
    }
  }
  if (i < text.size()) {
    int exponent = 0;
    const bool below = text[i + 1] == '-';
    for (++i; i < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9') continue;
      exponent = exponent * 10 + (text[i] - '0');
      if (exponent > 400) return false;
    }
    power += below ? -exponent : exponent;
  }
  if (negative) digits = -digits;
  return true;
}

bool multiple(const Value& number, const Bound& of) {
  __int128 a = 0, b = 0;
  int pa = 0, pb = 0;
  if (decimal(number.text, a, pa) && decimal(of.number.text, b, pb) && std::abs(pa - pb) <= 18) {
    for (; pa > pb; --pa) a *= 10;
    for (; pb > pa; --pb) b *= 10;
    return b != 0 && a % b == 0;
  }
  return std::fmod(as_double(number), of.value) == 0;
}

// -1, 0, 1.
int compare(const Value& number, const Bound& bound) {
  if (number.exact && bound.number.exact) return number.integer < bound.number.integer ? -1 : number.integer > bound.number.integer ? 1 : 0;
  const double value = as_double(number);
  return value < bound.value ? -1 : value > bound.value ? 1 : 0;
}

std::string shown_name(std::string_view name) {
  // Not inside of a character.
  auto end = std::min(name.size(), kNameShownMax);
  while (end > 0 && end < name.size() && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  std::string out(name.substr(0, end));
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"') c = '?';
  }
  return end < name.size() ? out + "…" : out;
}

void append(std::string& out, const Place& place) {
  if (place.parent != nullptr) append(out, *place.parent);
  if (out.size() > kPlaceShownMax) return;
  if (place.parent == nullptr) {
    out += place.name;
    return;
  }
  if (place.parent->parent == nullptr) out += ' ';
  out += '/';
  out += place.index != kNone ? std::to_string(place.index) : shown_name(place.name);
}

}  // namespace

std::string show(const Place& place) {
  std::string out;
  append(out, place);
  return out.size() > kPlaceShownMax + kNameShownMax ? out.substr(0, kPlaceShownMax) + "…" : out;
}

void SchemaJudge::tell(const Place& place, std::string reason) {
  if (findings_.size() >= kFindingsMax) return;
  auto shown = show(place);
  // Several schemas may say the same of one value.
  for (const auto& one : findings_) {
    if (one.place == shown && one.reason == reason) return;
  }
  findings_.push_back({std::move(shown), std::move(reason)});
}

bool SchemaJudge::no(const Place& place, bool tell_it, std::string_view reason) {
  if (tell_it) tell(place, std::string(reason));
  return false;
}

template <class... Args>
bool SchemaJudge::no_as(const Place& place, bool tell_it, std::string_view format, Args... args) {
  if (tell_it) tell(place, fmt::format(fmt::runtime(format), args...));
  return false;
}

bool SchemaJudge::spend(std::uint64_t steps) {
  if (steps <= steps_left_) {
    steps_left_ -= steps;
    return true;
  }
  steps_left_ = 0;
  gave_up_ = true;
  why_not_ = "takes more work than is allowed for its size";
  return false;
}

bool SchemaJudge::fits(const Value* value, std::uint32_t schema, const Place& place, bool tell_it) {
  if (schema == kAnything) return true;
  if (!spend(1)) return false;
  if (depth_ == kJudgeDepthMax) {
    gave_up_ = true;
    why_not_ = "is nested too deep to be judged";
    return false;
  }
  if (value->kind == Kind::kText) return text_as(value, schema, place, tell_it);
  ++depth_;
  const bool good = judge(value, schemas_.list[schema], place, tell_it);
  --depth_;
  return good;
}

// The text of a parameter is what makes it fit: "12" is a number where one is expected, and a string where that is.
bool SchemaJudge::text_as(const Value* value, std::uint32_t number, const Place& place, bool tell_it) {
  const auto& schema = schemas_.list[number];
  Value typed;
  const bool numeric = (schema.taken & (kIsNumber | kIsInteger)) != 0 && read_number(value->text, typed);
  if (numeric && fits(&typed, number, place, false)) return true;
  const bool boolean = (schema.taken & kIsBoolean) != 0 && (value->text == "true" || value->text == "false");
  Value truth;
  truth.kind = Kind::kBoolean;
  truth.truth = value->text == "true";
  if (boolean && fits(&truth, number, place, false)) return true;
  if ((schema.taken & kIsNull) != 0 && (value->text.empty() || value->text == "null")) return true;
  Value string = *value;
  string.kind = Kind::kString;
  if ((schema.taken & kIsString) != 0 && fits(&string, number, place, false)) return true;
  if (!tell_it || gave_up_) return false;
  // Said of what it looks like most.
  return fits(numeric ? &typed : boolean ? &truth : &string, number, place, true);
}

bool SchemaJudge::judge(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  if (schema.never) return no(place, tell_it, "must not be there");
  const auto kinds = kinds_of(*value);
  if (schema.nullable && kinds == kIsNull) return true;
  if ((schema.kinds & kinds) == 0) return no(place, tell_it, tell_it ? kinds_text(schema.nullable ? schema.kinds | kIsNull : schema.kinds) : "");
  bool good = true;
  const auto look = [&](bool concerned, auto part) {
    if (concerned && (good || tell_it)) good = (this->*part)(value, schema, place, tell_it) && good;
  };
  if (!schema.constants.empty()) good = constant(value, schema, place, tell_it);
  if (value->kind == Kind::kString && schema.of_text) good = text(value->text, schema, place, tell_it) && good;
  look(value->kind == Kind::kNumber && schema.of_number, &SchemaJudge::number);
  look(value->kind == Kind::kArray && schema.of_array, &SchemaJudge::array);
  look(value->kind == Kind::kObject && schema.of_object, &SchemaJudge::object);
  look(schema.composed, &SchemaJudge::composed);
  return good && !gave_up_;
}

bool SchemaJudge::constant(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  if (!spend(schema.constants.size() + value->span)) return false;
  for (const auto* one : schema.constants) {
    if (same(value, one)) return true;
  }
  if (schema.constant_alone) return no(place, tell_it, "is not the one value it may be");
  return no_as(place, tell_it, "is none of the {} values it may be", schema.constants.size());
}

bool SchemaJudge::text(std::string_view text, const Schema& schema, const Place& place, bool tell_it) {
  if (!spend(text.size() / kTextBytesPerStep)) return false;
  bool good = true;
  if (schema.length_min != 0 || schema.length_max != kUnbounded) {
    const auto length = characters(text);
    if (length < schema.length_min) good = no_as(place, tell_it, "is shorter than {} characters", schema.length_min);
    if (length > schema.length_max) good = no_as(place, tell_it, "is longer than {} characters", schema.length_max);
  }
  if (schema.format != Format::kNone && !of_numbers(schema.format) && !text_has(schema.format, text)) good = no_as(place, tell_it, "is not of the format {}", name_of(schema.format));
  if (schema.pattern != nullptr) {
    if (!spend((text.size() + kTextBytesPerStep) * schema.pattern->cost / kTextBytesPerStep)) return false;
    if (!matches(*schema.pattern, text)) {
      const auto& pattern = schema.pattern->text;
      good = no_as(place, tell_it, "does not match the pattern {}{}", std::string_view(pattern).substr(0, kPatternShownMax), pattern.size() > kPatternShownMax ? "…" : "");
    }
  }
  return good;
}

bool SchemaJudge::number(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  if (schema.minimum) {
    const int order = compare(*value, *schema.minimum);
    if (order < 0 || (order == 0 && schema.minimum->exclusive)) good = no_as(place, tell_it, schema.minimum->exclusive ? "is not more than {}" : "is less than {}", schema.minimum->number.text);
  }
  if (schema.maximum) {
    const int order = compare(*value, *schema.maximum);
    if (order > 0 || (order == 0 && schema.maximum->exclusive)) good = no_as(place, tell_it, schema.maximum->exclusive ? "is not less than {}" : "is more than {}", schema.maximum->number.text);
  }
  if (schema.multiple_of && !multiple(*value, *schema.multiple_of)) good = no_as(place, tell_it, "is no multiple of {}", schema.multiple_of->number.text);
  if (of_numbers(schema.format) && !number_has(schema.format, *value)) good = no_as(place, tell_it, "is not of the format {}", name_of(schema.format));
  return good;
}

bool SchemaJudge::unique(const Value* value) {
  if (!spend(value->span)) return false;
  hashes_.clear();
  const auto* at = value + 1;
  for (std::uint32_t i = 0; i < value->count; ++i, at = after(at)) hashes_.push_back(hash(at));
  std::sort(hashes_.begin(), hashes_.end());
  return std::adjacent_find(hashes_.begin(), hashes_.end()) == hashes_.end();
}

bool SchemaJudge::array(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  if (value->count < schema.items_min) good = no_as(place, tell_it, "has fewer than {} items", schema.items_min);
  if (value->count > schema.items_max) good = no_as(place, tell_it, "has more than {} items", schema.items_max);
  if (schema.unique && !unique(value)) good = no(place, tell_it && !gave_up_, "has an item twice");
  std::uint64_t contained = 0;
  const auto* at = value + 1;
  for (std::uint32_t i = 0; i < value->count && (good || tell_it) && !gave_up_; ++i, at = after(at)) {
    const Place here{&place, {}, i};
    good = fits(at, i < schema.prefix.size() ? schema.prefix[i] : schema.items, here, tell_it) && good;
    if (schema.contains != kNone && fits(at, schema.contains, here, false)) ++contained;
  }
  if (schema.contains == kNone || gave_up_ || (!good && !tell_it)) return good;
  if (contained < schema.contains_min) good = no_as(place, tell_it, "has fewer than {} items of the kind it has to contain", schema.contains_min);
  if (contained > schema.contains_max) good = no_as(place, tell_it, "has more than {} items of the kind it may contain", schema.contains_max);
  return good;
}

bool SchemaJudge::member_fits(const Value* key, const Schema& schema, const Place& place, bool tell_it, std::uint32_t& required) {
  if (!spend(1)) return false;
  const Place here{&place, key->text, kNone};
  bool good = true, described = false;
  if (const auto* property = find_property(schema, key->text)) {
    required += property->required ? 1 : 0;
    if (property->read_only) return no(here, tell_it, "is read-only");
    described = property->schema != kNone;
    if (described) good = fits(key + 1, property->schema, here, tell_it);
  }
  for (const auto& one : schema.patterns) {
    if (!spend((key->text.size() + kTextBytesPerStep) * one.pattern->cost / kTextBytesPerStep)) return false;
    if (!matches(*one.pattern, key->text)) continue;
    described = true;
    good = fits(key + 1, one.schema, here, tell_it) && good;
  }
  if (!described && schema.additional != kAnything) {
    if (schemas_.list[schema.additional].never) return no(here, tell_it, "is not described");
    good = fits(key + 1, schema.additional, here, tell_it) && good;
  }
  if (schema.names != kNone && !fits(key, schema.names, here, false)) good = no(here, tell_it && !gave_up_, "has a name that does not fit");
  return good;
}

bool SchemaJudge::members(const Value* value, const Schema& schema, const Place& place, bool tell_it, std::uint32_t& required) {
  bool good = true;
  const auto* key = value + 1;
  for (std::uint32_t i = 0; i < value->count && (good || tell_it) && !gave_up_; ++i, key = after(key + 1)) good = member_fits(key, schema, place, tell_it, required) && good;
  return good && !gave_up_;
}

namespace {

const Value* find_member(const Value* object, std::string_view name) {
  const auto* key = object + 1;
  for (std::uint32_t i = 0; i < object->count; ++i, key = after(key + 1)) {
    if (key->text == name) return key + 1;
  }
  return nullptr;
}

}  // namespace

bool SchemaJudge::object(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  if (value->count < schema.properties_min) good = no_as(place, tell_it, "has fewer than {} members", schema.properties_min);
  if (value->count > schema.properties_max) good = no_as(place, tell_it, "has more than {} members", schema.properties_max);
  std::uint32_t required = 0;
  const bool each = !schema.properties.empty() || !schema.patterns.empty() || schema.additional != kAnything || schema.names != kNone;
  if (each && (good || tell_it)) good = members(value, schema, place, tell_it, required) && good;
  if (gave_up_ || (!good && !tell_it)) return false;
  if (required != schema.required_count) {
    if (!tell_it) return false;
    good = false;
    for (const auto& one : schema.properties) {
      if (!spend(1 + value->count / 4)) return false;
      if (one.required && find_member(value, one.name) == nullptr) no({&place, one.name, kNone}, true, "is missing");
    }
  }
  return dependents(value, schema, place, tell_it) && good;
}

bool SchemaJudge::dependents(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  for (const auto& one : schema.dependent_required) {
    if (!spend(1 + value->count * (1 + one.required.size()) / 4)) return false;
    if (find_member(value, one.name) == nullptr) continue;
    for (const auto& name : one.required) {
      if (find_member(value, name) == nullptr) good = no({&place, name, kNone}, tell_it, "is missing");
    }
  }
  for (const auto& one : schema.dependent_schemas) {
    if (!spend(1 + value->count / 4)) return false;
    if (find_member(value, one.name) != nullptr) good = fits(value, one.schema, place, tell_it) && good;
  }
  return good;
}

bool SchemaJudge::composed(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  const auto look = [&](std::uint32_t one) {
    if (one != kNone && (good || tell_it) && !gave_up_) good = fits(value, one, place, tell_it) && good;
  };
  look(schema.reference);
  for (const auto one : schema.all_of) look(one);
  if ((good || tell_it) && !gave_up_) good = alternatives(value, schema, place, tell_it) && good;
  if (schema.negated != kNone && (good || tell_it) && !gave_up_ && fits(value, schema.negated, place, false)) good = no(place, tell_it, "is what it must not be");
  if (schema.condition != kNone && (good || tell_it) && !gave_up_) look(fits(value, schema.condition, place, false) ? schema.then : schema.otherwise);
  return good && !gave_up_;
}

std::uint32_t SchemaJudge::named_alternative(const Value* value, const Schema& schema) const {
  if (!schema.discriminator || value->kind != Kind::kObject) return kNone;
  const auto* named = find_member(value, schema.discriminator->property);
  if (named == nullptr || named->kind != Kind::kString) return kNone;
  for (const auto& [name, alternative] : schema.discriminator->alternatives) {
    if (name == named->text) return alternative;
  }
  return kNone;
}

bool SchemaJudge::alternatives(const Value* value, const Schema& schema, const Place& place, bool tell_it) {
  bool good = true;
  const auto count = [&](const std::vector<std::uint32_t>& list, std::size_t enough) {
    std::size_t fitting = 0;
    for (const auto one : list) {
      if (fitting < enough && !gave_up_ && fits(value, one, place, false)) ++fitting;
    }
    return fitting;
  };
  const auto none = [&](const std::vector<std::uint32_t>& list) {
    good = false;
    if (!tell_it || gave_up_) return;
    // What an alternative alone lacks is worth more than that none fits.
    const auto named = named_alternative(value, schema);
    if (named != kNone && !fits(value, named, place, true)) return;
    no_as(place, true, "fits none of the {} alternatives", list.size());
  };
  if (!schema.any_of.empty() && count(schema.any_of, 1) == 0) none(schema.any_of);
  if (!schema.one_of.empty() && (good || tell_it) && !gave_up_) {
    const auto fitting = count(schema.one_of, 2);
    if (fitting == 0) none(schema.one_of);
    else if (fitting == 2) good = no(place, tell_it && !gave_up_, "fits more than one of the alternatives");
  }
  return good;
}

}  // namespace ringwall::openapi::detail
