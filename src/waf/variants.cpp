#include "waf/detail/variants.h"

#include <algorithm>

namespace ringwall::waf::detail {

namespace {

const std::uint64_t kNothing[kPrefilterWordsMax] = {};

void join(std::uint64_t* into, const std::uint64_t* more, std::size_t words) {
  for (std::size_t i = 0; i < words; ++i) into[i] |= more[i];
}
void join(ByteSet& into, const ByteSet& more) { join(into.bits, more.bits, 4); }

Family family_of(Variable variable) { return variable == Variable::kResponseBody ? kOfAnswers : kOfRequests; }

}  // namespace

Variants::Variants(const Program& program, Exchange& exchange, std::uint64_t& steps)
    : program_(program), exchange_(exchange), steps_(steps), groups_(program.prefilter == nullptr ? 0 : kVariableCount * program.chains.size()), signatures_(program.signatures.size()) {}

void Variants::reset() {
  variants_.clear();
  by_text_.clear();
  ++epoch_;
}

void Variants::begin_phase() { ++epoch_; }

std::uint32_t Variants::of(std::uint32_t id, std::string_view text, std::uint16_t chain) {
  if (by_text_.size() <= id) by_text_.resize(std::max<std::size_t>(exchange_.texts(), id + 1));
  if (by_text_[id] == nullptr) by_text_[id] = exchange_.arena.make_array<std::uint32_t>(program_.chains.size());
  auto& known = by_text_[id][chain];
  if (known != 0) return known - 1;
  if (chain == kRaw) {
    steps_ += text.size();
    variants_.push_back({text, bytes_of(text), nullptr, kNone});
  } else {
    const auto& node = program_.chains[chain];
    const auto parent = of(id, text, node.parent);
    const auto before = variants_[parent].text;
    if (is_identity(node.last, variants_[parent].bytes, before)) return (by_text_[id][chain] = parent + 1) - 1;
    steps_ += before.size();
    const auto after = transform(node.last, before, exchange_.arena);
    if (after.data() == before.data() && after.size() == before.size()) return (by_text_[id][chain] = parent + 1) - 1;
    variants_.push_back({after, bytes_of(after), nullptr, node.last == Transformation::kLowercase ? parent : kNone});
  }
  known = static_cast<std::uint32_t>(variants_.size());
  return known - 1;
}

const std::uint64_t* Variants::bits_of(std::uint32_t index, Family family) {
  while (variants_[index].folded_like != kNone) index = variants_[index].folded_like;
  auto& variant = variants_[index];
  if (variant.bits == nullptr) {
    const auto& prefilter = (*program_.prefilter)[family];
    auto* bits = exchange_.arena.make_array<std::uint64_t>(prefilter.words());
    prefilter.scan(variant.text, bits);
    steps_ += variant.text.size();
    variant.bits = bits;
  }
  return variant.bits;
}

bool Variants::possible(std::uint32_t variant, Family family, std::uint32_t pattern) {
  return (*program_.prefilter)[family].possible(pattern, bits_of(variant, family), variants_[variant].bytes);
}

const Variants::Together& Variants::group(Variable variable, std::uint16_t chain) {
  auto& group = groups_[static_cast<std::size_t>(variable) * program_.chains.size() + chain];
  if (group.epoch == epoch_) return group;
  const auto family = family_of(variable);
  group = {epoch_, nullptr, {kNothing, kNothing}, {}};
  if (chain != kRaw) {
    const auto& node = program_.chains[chain];
    const auto& before = this->group(variable, node.parent);
    if (leaves_alone(node.last, before.bytes[family])) return group = before;
  }
  const auto words = (*program_.prefilter)[family].words();
  auto* bits = exchange_.arena.make_array<std::uint64_t>(words);
  const auto add = [&](const Entry& entry) {
    const auto index = of(entry.text, entry.value, chain);
    join(bits, bits_of(index, family), words);
    join(group.bytes[family], variants_[index].bytes);
  };
  if (is_collection(variable)) {
    for (const auto& entry : exchange_.entries(variable)) add(entry);
  } else if (const auto& entry = exchange_.single_entry(variable); entry.text != kNoText) {
    add(entry);
  }
  group.bits[family] = bits;
  return group;
}

const Variants::Together& Variants::signature(std::uint32_t index) {
  auto& all = signatures_[index];
  if (all.epoch == epoch_) return all;
  all = {epoch_, nullptr, {kNothing, kNothing}, {}};
  const auto& signature = program_.signatures[index];
  if (signature.variables.size() == 1) return all = group(signature.variables[0], signature.chain);
  std::uint64_t* bits[kFamilies] = {};
  for (const auto variable : signature.variables) {
    const auto& one = group(variable, signature.chain);
    const auto family = family_of(variable);
    const auto words = (*program_.prefilter)[family].words();
    if (bits[family] == nullptr) all.bits[family] = bits[family] = exchange_.arena.make_array<std::uint64_t>(words);
    join(bits[family], one.bits[family], words);
    join(all.bytes[family], one.bytes[family]);
  }
  return all;
}

const std::uint32_t* Variants::of_all(Variable collection, std::uint16_t chain) {
  group(collection, chain);
  auto& group = groups_[static_cast<std::size_t>(collection) * program_.chains.size() + chain];
  if (group.variants != nullptr) return group.variants;
  const auto& entries = exchange_.entries(collection);
  auto* variants = exchange_.arena.make_array<std::uint32_t>(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) variants[i] = of(entries[i].text, entries[i].value, chain);
  return group.variants = variants;
}

bool Variants::may_match(const CompiledRule& rule, const std::uint64_t* bits, const ByteSet& bytes, Family family) const {
  switch (rule.op) {
    case Operator::kValidateByteRange:
      return ((bytes.bits[0] & ~rule.bytes.bits[0]) | (bytes.bits[1] & ~rule.bytes.bits[1]) | (bytes.bits[2] & ~rule.bytes.bits[2]) | (bytes.bits[3] & ~rule.bytes.bits[3])) != 0;
    case Operator::kValidateUtf8Encoding: return (bytes.bits[2] | bytes.bits[3]) != 0;
    case Operator::kValidateUrlEncoding: return bytes.has('%');
    default: return rule.pattern[family] != kNone && (*program_.prefilter)[family].possible(rule.pattern[family], bits, bytes);
  }
}

bool Variants::may_match(const CompiledRule& rule) {
  const auto& all = signature(rule.signature);
  return may_match(rule, all.bits[kOfRequests], all.bytes[kOfRequests], kOfRequests) || may_match(rule, all.bits[kOfAnswers], all.bytes[kOfAnswers], kOfAnswers);
}

}  // namespace ringwall::waf::detail
