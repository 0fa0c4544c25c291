#include "waf/detail/variants.h"

#include <algorithm>

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

Family family_of(Variable variable) { return variable == Variable::kResponseBody ? kOfAnswers : kOfRequests; }

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

std::uint32_t Variants::of(std::uint32_t id, std::string_view text, std::uint16_t chain) {
  auto& of_text = at(id).variants;
  if (of_text == nullptr) of_text = exchange_.arena.make_array<std::uint32_t>(program_.chains.size());
  auto& known = of_text[chain];
  if (known != 0) return known - 1;
  if (chain == kRaw) {
    steps_ += kStepsPerText + text.size();
    variants_.push_back({.text = text, .bytes = bytes_of(text)});
  } else {
    const auto& node = program_.chains[chain];
    const auto parent = of(id, text, node.parent);
    const auto before = variants_[parent].text;
    if (is_identity(node.last, variants_[parent].bytes, before)) return (known = parent + 1) - 1;
    std::uint32_t same = kNone;
    for (auto made = variants_[parent].first_made; made != kNone; made = variants_[made].next_made) {
      if (variants_[made].by != node.last) continue;
      if (variants_[made].scanner == node.scanner) return (known = made + 1) - 1;
      same = made;
    }
    const auto add = [&](Variant variant) {
      variant.bits = nullptr, variant.by = node.last, variant.scanner = node.scanner;
      variant.next_made = variants_[parent].first_made, variant.first_made = kNone;
      variants_[parent].first_made = static_cast<std::uint32_t>(variants_.size());
      variants_.push_back(variant);
      return (known = static_cast<std::uint32_t>(variants_.size())) - 1;
    };
    if (same != kNone) return add(variants_[same]);
    steps_ += kStepsPerText + kStepsPerTextByte * before.size();
    const auto after = transform(node.last, before, exchange_.arena, program_.source.settings.unicode_map.get());
    if (after.data() == before.data() && after.size() == before.size()) return (known = parent + 1) - 1;
    return add({.text = after, .bytes = bytes_of(after), .folded_like = node.last == Transformation::kLowercase ? parent : kNone});
  }
  known = static_cast<std::uint32_t>(variants_.size());
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
  auto* answers = exchange_.arena.make_array<std::uint64_t>(known_->words());
  for (std::uint32_t question = 0; question < program_.questions.size(); ++question) {
    const auto& rule = program_.rules[program_.questions[question]];
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

const std::uint64_t* Variants::bits_of(std::uint32_t index, Family family) {
  while (variants_[index].folded_like != kNone) index = variants_[index].folded_like;
  auto& variant = variants_[index];
  if (variant.bits == nullptr) {
    const auto& prefilter = (*program_.prefilter)[family];
    auto* bits = exchange_.arena.make_array<std::uint64_t>(prefilter.words());
    prefilter.scan(variant.scanner, variant.text, variant.bytes, bits);
    steps_ += kStepsPerText + kStepsPerTextByte * variant.text.size();
    variant.bits = bits;
  }
  return variant.bits;
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

Variants::Together* Variants::empty() {
  auto* made = exchange_.arena.make_array<Together>(1);
  std::fill(std::begin(made->bits), std::end(made->bits), kNothing);
  return made;
}

Variants::Together& Variants::group(std::uint32_t index) {
  auto& group = groups_[index];
  if (group.epoch == epoch_) return *group.of;
  const auto now = holds(program_.groups[index].variable);
  if (group.epoch < first_epoch_ || group.holds != now) group.of = make_group(program_.groups[index]), group.holds = now;
  group.epoch = epoch_;
  return *group.of;
}

Variants::Together* Variants::make_group(const ValueGroup& what) {
  const auto family = family_of(what.variable);
  const auto& node = program_.chains[what.chain];
  Together* before = nullptr;
  if (what.before != kNone) {
    auto& untransformed = group(what.raw);
    if (untransformed.bits[family] == kNothing) return &untransformed;
    before = &group(what.before);
    if (leaves_alone(node.last, before->bytes[family])) return before;
    for (auto* made = before->first_made; made != nullptr; made = made->next_made) {
      if (made->by == node.last && made->scanner == node.scanner) return made;
    }
  }
  auto* made = empty();
  if (before != nullptr) {
    made->by = node.last, made->scanner = node.scanner;
    made->next_made = before->first_made;
    before->first_made = made;
  }
  std::uint64_t *bits = nullptr, *yes = nullptr;
  const auto words = (*program_.prefilter)[family].words();
  const auto add = [&](const Entry& entry) {
    steps_ += kStepsPerValue;
    if (const auto* known = family == kOfRequests ? answers(entry.text, entry.value) : nullptr; known != nullptr) {
      if (known == kNothing || what.chain != kRaw) return;
      if (yes == nullptr) made->answers = yes = exchange_.arena.make_array<std::uint64_t>(known_->words());
      return join(yes, known, known_->words());
    }
    const auto one = of(entry.text, entry.value, what.chain);
    if (bits == nullptr) made->bits[family] = bits = exchange_.arena.make_array<std::uint64_t>(words);
    join(bits, bits_of(one, family), words);
    join(made->bytes[family], variants_[one].bytes);
  };
  if (is_collection(what.variable)) {
    for (const auto& entry : exchange_.entries(what.variable)) add(entry);
  } else if (const auto& entry = exchange_.single_entry(what.variable); entry.text != kNoText) {
    add(entry);
  }
  return made;
}

void Variants::look_at_variables() {
  looked_epoch_ = epoch_;
  std::fill(known_yes_.begin(), known_yes_.end(), 0);
  for (std::size_t i = 0; i < unknown_.size(); ++i) {
    const auto& all = group(program_.looked_at[i]);
    unknown_[i] = all.bits[kOfRequests] != kNothing || all.bits[kOfAnswers] != kNothing;
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
    if (!unknown_[program_.groups[one].place]) continue;
    auto* part = &group(one);
    if (std::find(parts_.begin(), parts_.end(), part) == parts_.end()) parts_.push_back(part);
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
  for (const auto family : {kOfRequests, kOfAnswers}) all.bits[family] = kNothing;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& one = *parts[i];
    for (const auto family : {kOfRequests, kOfAnswers}) {
      if (one.bits[family] == kNothing) continue;
      const auto words = (*program_.prefilter)[family].words();
      if (bits[family] == nullptr) all.bits[family] = bits[family] = exchange_.arena.make_array<std::uint64_t>(words);
      join(bits[family], one.bits[family], words);
      join(all.bytes[family], one.bytes[family]);
    }
  }
  return is(&all);
}

const std::uint32_t* Variants::of_all(const CompiledRule& rule, Variable collection) {
  const auto& groups = program_.signatures[rule.signature].groups;
  const auto index = *std::find_if(groups.begin(), groups.end(), [&](std::uint32_t one) { return program_.groups[one].variable == collection; });
  auto& group = this->group(index);
  if (group.variants != nullptr) return group.variants;
  const auto chain = rule.chain;
  const auto& entries = exchange_.entries(collection);
  auto* variants = exchange_.arena.make_array<std::uint32_t>(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool known = collection != Variable::kResponseBody && answers(entries[i].text, entries[i].value) != nullptr;
    variants[i] = known ? kNone : of(entries[i].text, entries[i].value, chain);
  }
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
  if (known_say(rule.question, rule.signature)) return true;
  const auto& all = signature(rule.signature);
  return may_match(rule, all.bits[kOfRequests], all.bytes[kOfRequests], kOfRequests) || may_match(rule, all.bits[kOfAnswers], all.bytes[kOfAnswers], kOfAnswers);
}

}  // namespace ringwall::waf::detail
