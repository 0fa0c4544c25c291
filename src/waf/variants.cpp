#include "waf/detail/variants.h"

#include <algorithm>
#include <span>

#include "waf/detail/find.h"

namespace ringwall::waf::detail {

namespace {

const std::uint64_t kNothing[kPrefilterWordsMax] = {};
// Of a text that is looked at anew, whatever its size; of a byte that is transformed or scanned; of a value that joins others.
constexpr std::uint64_t kStepsPerText = 80, kStepsPerTextByte = 2, kStepsPerValue = 8;
constexpr std::size_t kLearntMax = 16;  // in one exchange: it takes some times what judging the text does

void join(std::uint64_t* into, const std::uint64_t* more, std::size_t words) {
  for (std::size_t i = 0; i < words; ++i) into[i] |= more[i];
}
void join(ByteSet& into, const ByteSet& more) { join(into.bits, more.bits, 4); }

}  // namespace

Variants::Variants(const Program& program, Exchange& exchange, KnownTexts* known, std::uint64_t& steps)
    : program_(program), exchange_(exchange), known_(program.prefilter == nullptr || known == nullptr || known->words() > kPrefilterWordsMax || known->words() != (program.questions.size() + 63) / 64 ? nullptr : known), steps_(steps), groups_(program.groups.size()), unknown_(program.looked_at.size()), known_yes_((program.questions.size() + 63) / 64), signatures_(program.signatures.size()) {
  std::fill(std::begin(nothing_.bits), std::end(nothing_.bits), kNothing);
}

void Variants::reset() {
  variants_.clear();
  by_text_.clear();
  learnt_ = 0;
  first_epoch_ = ++epoch_;
}

void Variants::begin_phase() { ++epoch_; }

std::uint32_t Variants::untransformed(std::uint32_t id, std::string_view text) {
  auto& known = at(id).untransformed;
  if (known == 0) {
    steps_ += kStepsPerText + text.size();
    variants_.push_back({.text = text, .bytes = bytes_of(text)});
    known = static_cast<std::uint32_t>(variants_.size());
  }
  return known - 1;
}

std::uint32_t Variants::transformed(std::uint32_t variant, const ChainNode& by) {
  const auto& before = variants_[variant];
  if (is_identity(by.last, before.bytes, before.text)) return variant;
  std::uint32_t same = kNone;
  for (auto made = before.first_made; made != kNone; made = variants_[made].next_made) {
    if (variants_[made].by != by.last) continue;
    if (variants_[made].scanner == by.scanner) return made;
    same = made;
  }
  Variant after;
  if (same != kNone) {
    after = variants_[same];
    after.bits = nullptr, after.first_made = kNone;
  } else {
    steps_ += kStepsPerText + kStepsPerTextByte * before.text.size();
    after.text = transform(by.last, before.text, exchange_.arena, program_.source.settings.unicode_map.get());
    if (after.text.data() == before.text.data() && after.text.size() == before.text.size()) return variant;
    after.bytes = bytes_after(by.last, before.bytes, after.text);
    if (by.last == Transformation::kLowercase) after.folded_like = variant;
  }
  after.by = by.last, after.scanner = by.scanner, after.next_made = before.first_made;
  const auto made = static_cast<std::uint32_t>(variants_.size());
  variants_[variant].first_made = made;
  variants_.push_back(after);
  return made;
}

std::uint32_t Variants::of(std::uint32_t id, std::string_view text, std::uint16_t chain) {
  if (chain == kRaw) return untransformed(id, text);
  auto*& of_text = at(id).variants;
  if (of_text == nullptr) of_text = exchange_.arena.make_array<std::uint32_t>(program_.chains.size());
  auto& known = of_text[chain];
  const auto& node = program_.chains[chain];
  if (known == 0) known = transformed(of(id, text, node.parent), node) + 1;
  return known - 1;
}

// The answers are copied: what is learnt later may take their place.
void Variants::ask(Text& one, std::uint32_t id, std::string_view text) {
  one.asked = true;
  const auto words = known_->words();
  const auto* answers = known_->find(text);
  if (answers == nullptr && learnt_ < kLearntMax && known_->comes_often(text)) {
    one.answers = learn(id, text);
    return;
  }
  if (answers == nullptr) return;
  steps_ += 1;
  const bool any = std::any_of(answers, answers + words, [](std::uint64_t word) { return word != 0; });
  one.answers = any ? std::copy_n(answers, words, exchange_.arena.make_array<std::uint64_t>(words)) - words : kNothing;
}

const std::uint64_t* Variants::learn(std::uint32_t id, std::string_view text) {
  ++learnt_;
  const auto bytes = variants_[untransformed(id, text)].bytes;
  auto* answers = exchange_.arena.make_array<std::uint64_t>(known_->words());
  for (std::uint32_t question = 0; question < program_.questions.size(); ++question) {
    const auto& rule = program_.rules[program_.questions[question]];
    if (!rule.needs[kOfRequests].met(bytes)) continue;
    const auto under = [&](std::uint16_t chain) {
      const auto variant = of(id, text, chain);
      if (rule.pattern[kOfRequests] != kNone && !possible(variant, kOfRequests, rule.pattern[kOfRequests])) return false;
      steps_ += variants_[variant].text.size() + 1;
      return finds(rule, variants_[variant].text, rule.argument.text, steps_);
    };
    const bool yes = rule.stages.empty() ? under(rule.chain) : std::any_of(rule.stages.begin(), rule.stages.end(), under);
    answers[question / 64] |= std::uint64_t{yes} << (question % 64);
  }
  known_->learn(text, answers);
  return answers;
}

// Looks through what is in unscanned_, all that has the same scanner in one go.
void Variants::scan(Family family) {
  const auto& prefilter = (*program_.prefilter)[family];
  const auto scanner_of = [&](std::uint32_t variant) { return &prefilter.scanner(variants_[variant].scanner, variants_[variant].bytes); };
  while (!unscanned_.empty()) {
    const auto* scanner = scanner_of(unscanned_.front());
    const auto others = std::stable_partition(unscanned_.begin(), unscanned_.end(), [&](std::uint32_t one) { return scanner_of(one) != scanner; });
    scanned_.clear();
    for (auto one = others; one != unscanned_.end(); ++one) scanned_.push_back({variants_[*one].text}), steps_ += kStepsPerText + kStepsPerTextByte * variants_[*one].text.size();
    scanner->scan(scanned_, prefilter.words(), exchange_.arena);
    for (std::size_t i = 0; i < scanned_.size(); ++i) variants_[others[static_cast<std::ptrdiff_t>(i)]].bits = scanned_[i].bits == nullptr ? kNothing : scanned_[i].bits;
    unscanned_.erase(others, unscanned_.end());
  }
}

bool Variants::possible(std::uint32_t variant, Family family, std::uint32_t pattern) {
  return (*program_.prefilter)[family].possible(pattern, bits_of(variant, family), variants_[variant].bytes);
}

// Something else whenever the variable holds something else: texts are numbered as they come.
std::uint64_t Variants::holds(Variable variable) const {
  if (!is_collection(variable)) return exchange_.single_entry(variable).text;
  const auto& entries = exchange_.entries(variable);
  return entries.empty() ? kNoText : std::uint64_t{entries.size()} << 32 | entries.back().text;
}

Variants::Together& Variants::group(std::uint32_t index) {
  auto& group = groups_[index];
  if (group.epoch == epoch_) return *group.of;
  const auto now = holds(program_.groups[index].variable);
  if (group.epoch < first_epoch_ || group.holds != now) group.of = make_group(program_.groups[index]), group.holds = now;
  group.epoch = epoch_;
  return *group.of;
}

Variants::Together* Variants::make_together(std::size_t count) {
  auto* made = exchange_.arena.make_array<Together>(1);
  std::fill(std::begin(made->bits), std::end(made->bits), kNothing);
  made->variants = exchange_.arena.make_array<std::uint32_t>(count);
  made->count = count;
  return made;
}

Variants::Together* Variants::make_untransformed(Variable variable) {
  const auto family = family_of(variable);
  const auto* single = is_collection(variable) ? nullptr : &exchange_.single_entry(variable);
  const auto values = single == nullptr ? std::span<const Entry>(exchange_.entries(variable)) : std::span<const Entry>(single, single->text == kNoText ? 0 : 1);
  auto* made = make_together(values.size());
  steps_ += kStepsPerValue * values.size();
  std::uint64_t* yes = nullptr;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto* known = family == kOfRequests ? answers(values[i].text, values[i].value) : nullptr;
    if (known == nullptr) {
      made->variants[i] = untransformed(values[i].text, values[i].value);
      join(made->bytes[family], variants_[made->variants[i]].bytes);
      made->bits[family] = nullptr;
      made->unknown = true;
      continue;
    }
    made->variants[i] = kKnown;
    if (known == kNothing) continue;
    if (yes == nullptr) made->answers = yes = exchange_.arena.make_array<std::uint64_t>(known_->words());
    join(yes, known, known_->words());
  }
  return made;
}

Variants::Together* Variants::make_left_out(Together& all) {
  if (all.left_out != nullptr) return all.left_out;
  auto* made = make_together(all.count);
  for (std::size_t i = 0; i < all.count; ++i) made->variants[i] = all.variants[i] == kKnown ? kKnown : kLeftOut;
  return all.left_out = made;
}

Variants::Together* Variants::make_group(const ValueGroup& what) {
  if (what.before == kNone) return make_untransformed(what.variable);
  const auto family = family_of(what.variable);
  const auto& node = program_.chains[what.chain];
  const auto& needs = node.needs_below[family];
  auto& all = group(what.raw);
  if (!all.unknown) return &all;
  if (!needs.met(all.bytes[family])) return make_left_out(all);
  auto& before = group(what.before);
  if (leaves_alone(node.last, before.bytes[family])) return &before;
  for (auto* made = before.first_made; made != nullptr; made = made->next_made) {
    if (made->by->last == node.last && made->by->scanner == node.scanner && made->by->needs_below[family] == needs) return made;
  }
  auto* made = make_together(before.count);
  steps_ += kStepsPerValue * before.count;
  const auto& changing = changing_bytes(node.last);
  for (std::size_t i = 0; i < before.count; ++i) {
    auto one = before.variants[i];
    if (one != kKnown && one != kLeftOut) {
      if (needs.met(variants_[all.variants[i]].bytes)) {
        if (variants_[one].text.empty() || variants_[one].bytes.intersects(changing)) one = transformed(one, node);
        join(made->bytes[family], variants_[one].bytes);
        made->bits[family] = nullptr;
        made->unknown = true;
      } else {
        one = kLeftOut;
      }
    }
    made->variants[i] = one;
  }
  made->by = &node;
  made->next_made = before.first_made;
  before.first_made = made;
  return made;
}

void Variants::scan_all(Together& all) {
  for (const auto family : kAllFamilies) {
    if (all.bits[family] != nullptr) continue;
    const auto each = [&](auto look_at) {
      for (std::size_t i = 0; i < all.count; ++i) {
        if (all.variants[i] != kKnown && all.variants[i] != kLeftOut) look_at(scanned_like(all.variants[i]));
      }
    };
    each([&](std::uint32_t one) {
      if (variants_[one].bits == nullptr) variants_[one].bits = kNothing, unscanned_.push_back(one);
    });
    scan(family);
    const auto words = (*program_.prefilter)[family].words();
    std::uint64_t* bits = nullptr;
    each([&](std::uint32_t one) {
      if (variants_[one].bits == kNothing) return;
      if (bits == nullptr) bits = exchange_.arena.make_array<std::uint64_t>(words);
      join(bits, variants_[one].bits, words);
    });
    all.bits[family] = bits == nullptr ? kNothing : bits;
  }
}

void Variants::look_at_variables() {
  looked_epoch_ = epoch_;
  std::fill(known_yes_.begin(), known_yes_.end(), 0);
  for (std::size_t i = 0; i < unknown_.size(); ++i) {
    const auto& all = group(program_.looked_at[i]);
    unknown_[i] = all.unknown;
    if (all.answers != nullptr) join(known_yes_.data(), all.answers, known_->words());
  }
}

bool Variants::one_known_says(std::uint32_t question, std::uint32_t signature) {
  const auto& groups = program_.signatures[signature].groups;
  return std::any_of(groups.begin(), groups.end(), [&](std::uint32_t one) {
    const auto* answers = group(program_.groups[one].raw).answers;
    return answers != nullptr && says(answers, question);
  });
}

const Variants::Together& Variants::join_groups(std::uint32_t index) {
  parts_.clear();
  for (const auto one : program_.signatures[index].groups) {
    const auto& what = program_.groups[one];
    if (!unknown_[what.place]) continue;
    const auto family = family_of(what.variable);
    if (!program_.chains[what.chain].needs[family].met(group(what.raw).bytes[family])) continue;
    auto* part = &group(one);
    if (!part->unknown || std::find(parts_.begin(), parts_.end(), part) != parts_.end()) continue;
    scan_all(*part);
    parts_.push_back(part);
  }
  const auto is = [&](const Together* together) -> const Together& {
    signatures_[index] = {epoch_, together};
    return *together;
  };
  if (parts_.empty()) return is(&nothing_);
  if (parts_.size() == 1) return is(parts_[0]);
  for (const auto* known = parts_[0]->first_joined; known != nullptr; known = known->next) {
    if (std::equal(parts_.begin(), parts_.end(), known->parts, known->parts + known->count)) return is(&known->together);
  }
  const auto count = parts_.size();
  auto** parts = exchange_.arena.make_array<Together*>(count);
  std::copy(parts_.begin(), parts_.end(), parts);
  auto* joined = exchange_.arena.make_array<Joined>(1);
  joined->parts = parts, joined->count = count, joined->next = parts[0]->first_joined;
  parts[0]->first_joined = joined;
  auto& all = joined->together;
  std::uint64_t* bits[kFamilies] = {};
  for (const auto family : kAllFamilies) all.bits[family] = kNothing;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& one = *parts[i];
    for (const auto family : kAllFamilies) {
      join(all.bytes[family], one.bytes[family]);
      if (one.bits[family] == kNothing) continue;
      const auto words = (*program_.prefilter)[family].words();
      if (bits[family] == nullptr) all.bits[family] = bits[family] = exchange_.arena.make_array<std::uint64_t>(words);
      join(bits[family], one.bits[family], words);
    }
  }
  return is(&all);
}

const std::uint32_t* Variants::of_all(const CompiledRule& rule, Variable collection) {
  const auto& groups = program_.signatures[rule.signature].groups;
  const auto index = *std::find_if(groups.begin(), groups.end(), [&](std::uint32_t one) { return program_.groups[one].variable == collection; });
  auto& all = group(index);
  const auto* known = group(program_.groups[index].raw).answers;
  if (known != nullptr && says(known, rule.question)) return all.variants;
  if (!all.unknown) return nullptr;
  scan_all(all);
  const auto family = family_of(collection);
  return may_match(rule, all.bits[family], all.bytes[family], family) ? all.variants : nullptr;
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
  if (known_say(rule.question, rule.signature)) return true;
  const auto& all = signature(rule.signature);
  return std::any_of(std::begin(kAllFamilies), std::end(kAllFamilies), [&](Family family) { return may_match(rule, all.bits[family], all.bytes[family], family); });
}

}  // namespace ringwall::waf::detail
