#include "waf/detail/automaton.h"

#include <algorithm>

namespace ringwall::waf::detail {

// Steps of a pattern, in the order in which they were added; cleared at once.
class StepSet {
 public:
  explicit StepSet(std::size_t size) : at_(size) {}
  bool add(std::uint32_t step) {
    if (at_[step] < all_.size() && all_[at_[step]] == step) return false;
    at_[step] = static_cast<std::uint32_t>(all_.size());
    all_.push_back(step);
    return true;
  }
  void clear() { all_.clear(); }
  const std::vector<std::uint32_t>& all() const { return all_; }

 private:
  std::vector<std::uint32_t> all_, at_;
};

namespace {

// In the table of transitions: not known yet; and a flag of states with which a match ends.
constexpr std::uint32_t kUnbuilt = 0, kMatches = std::uint32_t{1} << 31;
bool is_special(std::uint32_t next) { return next - 1 >= kMatches - 1; }
constexpr std::ptrdiff_t kShortWait = 8, kPatience = 256;  // looking for the next begin pays when it is farther away than this; else not tried for so long
constexpr std::uint64_t kStepsPerTransition = 300, kStepsPerListed = 8;  // of one that is built, and for each step of the state behind it
constexpr std::uint64_t kStepsPerSearch = 64;

// Adds the steps that take a byte or assert something and are reached from this one without a byte; which patterns' matches are too.
std::uint64_t reach(const Nfa& nfa, std::uint32_t from, StepSet& seen, std::vector<std::uint32_t>& out, std::vector<std::uint32_t>& stack) {
  std::uint64_t matched = 0;
  stack.assign(1, from);
  while (!stack.empty()) {
    const auto at = stack.back();
    stack.pop_back();
    if (!seen.add(at)) continue;
    const auto& step = nfa.steps[at];
    if (step.kind == Nfa::Kind::kMatch) matched |= std::uint64_t{1} << step.number;
    else if (step.kind == Nfa::Kind::kSplit) stack.push_back(step.or_out), stack.push_back(step.out);
    else out.push_back(at);
  }
  return matched;
}

}  // namespace

// What a search has built and the next one uses.
struct Automaton::Memory {
  struct State {
    std::uint32_t begin = 0, size = 0;  // in steps
    Context before = kOther;
    std::uint64_t matched = 0;          // patterns whose match ends with the byte that leads here, or before it
  };
  struct Begun {
    bool known = false;
    std::uint64_t matched = 0;
    std::vector<std::uint32_t> steps;
  };

  explicit Memory(const Automaton& of) : stride(of.member_.size() + 1), now(of.nfa_.steps.size()), next(of.nfa_.steps.size()), begun(kContexts * stride) { clear(); }
  void clear() {
    table.assign(stride, kUnbuilt);
    states.assign(1, {});
    steps.clear();
    buckets.assign(64, 0);
  }
  std::size_t bytes() const { return (table.size() + steps.size() + buckets.size()) * sizeof(std::uint32_t) + states.size() * sizeof(State); }

  static std::size_t hash(const std::vector<std::uint32_t>& list, Context before, std::uint64_t matched) {
    std::uint64_t sum = (before + 0x9E3779B97F4A7C15) ^ matched;
    for (const auto step : list) sum = (sum ^ step) * 0xFF51AFD7ED558CCD, sum ^= sum >> 32;
    return static_cast<std::size_t>(sum);
  }
  // The offset in the table of the state that is at these steps, in their order; with the flag where patterns have matched.
  std::uint32_t state_of(const std::vector<std::uint32_t>& list, Context before, std::uint64_t matched = 0) {
    if (states.size() * 2 > buckets.size()) grow();
    const auto flag = matched != 0 ? kMatches : 0;
    auto at = hash(list, before, matched) & (buckets.size() - 1);
    for (; buckets[at] != 0; at = (at + 1) & (buckets.size() - 1)) {
      const auto& state = states[buckets[at]];
      if (state.before == before && state.matched == matched && state.size == list.size() && std::equal(list.begin(), list.end(), steps.begin() + state.begin)) return static_cast<std::uint32_t>(buckets[at] * stride) | flag;
    }
    buckets[at] = static_cast<std::uint32_t>(states.size());
    states.push_back({static_cast<std::uint32_t>(steps.size()), static_cast<std::uint32_t>(list.size()), before, matched});
    steps.insert(steps.end(), list.begin(), list.end());
    table.resize(table.size() + stride, kUnbuilt);
    return static_cast<std::uint32_t>(table.size() - stride) | flag;
  }
  std::vector<std::uint32_t> list_of(const State& state) const { return {steps.begin() + state.begin, steps.begin() + state.begin + state.size}; }
  void grow() {
    buckets.assign(buckets.size() * 2, 0);
    for (std::uint32_t i = 1; i < states.size(); ++i) {
      auto at = hash(list_of(states[i]), states[i].before, states[i].matched) & (buckets.size() - 1);
      while (buckets[at] != 0) at = (at + 1) & (buckets.size() - 1);
      buckets[at] = i;
    }
  }

  const std::size_t stride;           // transitions of a state: one for each class of bytes, and the text's end
  std::vector<std::uint32_t> table;   // by state and class
  std::vector<State> states;
  std::vector<std::uint32_t> steps;   // of all states
  std::vector<std::uint32_t> buckets; // states by their steps; 0: none
  StepSet now, next;
  std::vector<std::uint32_t> now_list, next_list, stack;
  std::vector<Begun> begun;           // by context and class: where a match is that begins with such a byte
};

class Automaton::Search {
 public:
  Search(const Automaton& of, Memory& memory) : a_(of), m_(memory) {}

  std::optional<std::uint64_t> run(std::string_view text, std::uint64_t& steps) {
    const auto* const begin = reinterpret_cast<const unsigned char*>(text.data());
    const auto* at = begin;
    const auto found = run(at, begin + text.size());
    const auto passed = passed_over_;
    steps += kStepsPerSearch + built_ + static_cast<std::uint64_t>(at - begin) - passed + passed / 16;
    return found;
  }

 private:
  std::optional<std::uint64_t> run(const unsigned char*& at, const unsigned char* const end) {
    const auto* const classes = a_.classes_.data();
    const auto all = ~std::uint64_t{0} >> (64 - a_.nfa_.patterns);
    auto matched = a_.always_;
    auto state = m_.state_of({}, a_.start_asserts_ ? kBegin : kOther);
    idle_ = !a_.waits_ ? kUnbuilt : a_.start_asserts_ ? m_.state_of({}, kOther) : state;
    const auto* table = m_.table.data();
    const auto* hasty = a_.waits_ ? at : end;  // up to there no begin of a match is looked for
    while (at != end && matched != all) {
      std::uint32_t next = kUnbuilt;
      if (at < hasty) {
        for (; at != hasty; ++at) {
          next = table[state + classes[*at]];
          if (is_special(next)) break;
          state = next;
        }
        if (!is_special(next)) {
          hasty = at;
          continue;
        }
      } else {
        if (state == idle_) {
          const auto* const from = at;
          at = a_.leaves_.find(at, end);
          passed_over_ += static_cast<std::uint64_t>(at - from);
          if (at == end) break;
          if (at - from < kShortWait) {
            hasty = end - at > kPatience ? at + kPatience : end;
            continue;
          }
        }
        for (; at != end; ++at) {
          next = table[state + classes[*at]];
          if (is_special(next)) break;
          state = next;
          if (state == idle_) break;
        }
        if (at == end) break;
        if (!is_special(next)) {
          ++at;
          continue;
        }
      }
      if (next == kUnbuilt) {
        next = build(state, classes[*at]);
        if (next == kUnbuilt) return {};
        table = m_.table.data();
      }
      state = next & ~kMatches;
      if (next != state) matched |= m_.states[state / m_.stride].matched;
      ++at;
    }
    if (matched == all) return all;
    const auto at_end = state + a_.member_.size();
    if (m_.table[at_end] == kUnbuilt) {
      const auto next = next_of(m_.states[state / m_.stride], a_.member_.size());
      m_.table[at_end] = next;
    }
    const auto last = m_.table[at_end];
    return matched | m_.states[(last & ~kMatches) / m_.stride].matched;
  }

  std::uint32_t build(std::uint32_t state, std::size_t byte_class) {
    const auto next = next_of(m_.states[state / m_.stride], byte_class);
    m_.table[state + byte_class] = next;
    built_ += kStepsPerTransition + kStepsPerListed * (m_.now_list.size() + m_.next_list.size());
    if (built_ > kAutomatonStepsMax) return kUnbuilt;
    if (m_.bytes() <= kAutomatonMemoryMax) return next;
    const auto kept = m_.states[(next & ~kMatches) / m_.stride];
    const auto list = m_.list_of(kept);
    m_.clear();
    if (a_.waits_) idle_ = m_.state_of({}, kOther);
    return m_.state_of(list, kept.before, kept.matched);
  }

  std::uint32_t next_of(const Memory::State from, std::size_t byte_class) {
    const auto& begins = begun(from.before, byte_class);
    m_.next.clear(), m_.next_list.clear();
    m_.now_list = m_.list_of(from);
    const auto matched = begins.matched | advance(m_.now_list, from.before, byte_class);
    for (const auto one : begins.steps) {
      if (m_.next.add(one)) m_.next_list.push_back(one);
    }
    std::sort(m_.next_list.begin(), m_.next_list.end());
    const bool asserts = a_.start_asserts_ || std::any_of(m_.next_list.begin(), m_.next_list.end(), [&](std::uint32_t one) { return a_.nfa_.steps[one].kind != Nfa::Kind::kBytes; });
    return m_.state_of(m_.next_list, asserts && byte_class < a_.context_.size() ? a_.context_[byte_class] : kOther, matched);
  }

  // What begins with a byte of the class.
  const Memory::Begun& begun(Context before, std::size_t byte_class) {
    auto& one = m_.begun[before * m_.stride + byte_class];
    if (one.known) return one;
    one.known = true;
    m_.next.clear(), m_.next_list.clear();
    m_.now_list = a_.start_;
    one.matched = advance(m_.now_list, before, byte_class);
    one.steps = m_.next_list;
    return one;
  }

  // Adds the steps behind a byte of the class, of those in `list`, to next_list; the patterns whose match ends before or with it.
  std::uint64_t advance(std::vector<std::uint32_t>& list, Context before, std::size_t byte_class) {
    const bool at_end = byte_class == a_.member_.size();
    std::uint64_t matched = 0;
    m_.now.clear();
    for (const auto one : list) m_.now.add(one);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& step = a_.nfa_.steps[list[i]];
      if (step.kind == Nfa::Kind::kBytes) {
        if (!at_end && a_.nfa_.sets[step.number][a_.member_[byte_class]]) matched |= reach(a_.nfa_, step.out, m_.next, m_.next_list, m_.stack);
      } else if (a_.holds(step.kind, before, byte_class)) {
        matched |= reach(a_.nfa_, step.out, m_.now, list, m_.stack);
      }
    }
    return matched;
  }

  const Automaton& a_;
  Memory& m_;
  std::uint32_t idle_ = kUnbuilt;  // the state of waiting for a match to begin
  std::uint64_t built_ = 0, passed_over_ = 0;
};

Automaton::Automaton(Nfa nfa) : nfa_(std::move(nfa)) {
  bool words = false, lines = false;
  for (const auto& step : nfa_.steps) {
    words = words || step.kind == Nfa::Kind::kWordEdge || step.kind == Nfa::Kind::kNoWordEdge;
    lines = lines || step.kind == Nfa::Kind::kLineBegin || step.kind == Nfa::Kind::kLineEnd;
  }
  Nfa::Bytes word, newline;
  for (int c = 0; c < 256; ++c) word[static_cast<std::size_t>(c)] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  newline.set('\n');
  auto sets = nfa_.sets;
  if (words) sets.push_back(word);
  if (lines) sets.push_back(newline);
  // Set by set, each class is parted into those that are in it and those that are not.
  std::size_t count = 1;
  for (const auto& set : sets) {
    std::array<int, 512> renamed;
    renamed.fill(-1);
    std::size_t parted = 0;
    for (std::size_t c = 0; c < 256; ++c) {
      auto& name = renamed[classes_[c] * 2u + (set[c] ? 1u : 0u)];
      if (name < 0) name = static_cast<int>(parted++);
      classes_[c] = static_cast<std::uint8_t>(name);
    }
    count = parted;
  }
  member_.resize(count), context_.resize(count);
  for (std::size_t c = 256; c > 0; --c) {
    member_[classes_[c - 1]] = static_cast<unsigned char>(c - 1);
    context_[classes_[c - 1]] = words && word[c - 1] ? kWord : lines && c - 1 == '\n' ? kNewline : kOther;
  }

  StepSet seen(nfa_.steps.size());
  std::vector<std::uint32_t> stack;
  always_ = reach(nfa_, nfa_.start, seen, start_, stack);
  Nfa::Bytes firsts;
  for (const auto one : start_) {
    const auto& step = nfa_.steps[one];
    if (step.kind == Nfa::Kind::kBytes) firsts |= nfa_.sets[step.number];
    else start_asserts_ = true;
  }
  if (!start_asserts_) {
    leaves_ = ByteFinder(firsts);
    waits_ = !firsts.all();
    return;
  }
  // What stands behind an assertion begins a match too, where it holds; and what changes what holds is no byte to pass over.
  for (std::size_t i = 0; i < start_.size(); ++i) {
    const auto& step = nfa_.steps[start_[i]];
    if (step.kind == Nfa::Kind::kWordEdge || step.kind == Nfa::Kind::kNoWordEdge || step.kind == Nfa::Kind::kLineEnd) return;
  }
  for (std::size_t c = 0; c < 256; ++c) firsts[c] = firsts[c] || context_[classes_[c]] != kOther;
  leaves_ = ByteFinder(firsts);
  waits_ = !firsts.all();
}

Automaton::~Automaton() {
  for (auto& one : spare_) delete one.load();
}

bool Automaton::holds(Nfa::Kind assertion, Context before, std::size_t byte_class) const {
  const bool at_end = byte_class == member_.size();
  const auto after = at_end ? kOther : context_[byte_class];
  switch (assertion) {
    case Nfa::Kind::kLineBegin: return before == kNewline || before == kBegin;
    case Nfa::Kind::kLineEnd: return at_end || after == kNewline;
    case Nfa::Kind::kTextBegin: return before == kBegin;
    case Nfa::Kind::kTextEnd: return at_end;
    case Nfa::Kind::kWordEdge: return (before == kWord) != (after == kWord);
    default: return (before == kWord) == (after == kWord);
  }
}

std::optional<std::uint64_t> Automaton::find(std::string_view text, std::uint64_t& steps) const {
  Memory* memory = nullptr;
  for (auto& one : spare_) {
    if (memory = one.exchange(nullptr); memory != nullptr) break;
  }
  if (memory == nullptr) memory = new Memory(*this);
  const auto answer = Search(*this, *memory).run(text, steps);
  for (auto& one : spare_) {
    if (memory == nullptr) break;
    Memory* none = nullptr;
    if (one.compare_exchange_strong(none, memory)) memory = nullptr;
  }
  delete memory;
  return answer;
}

}  // namespace ringwall::waf::detail
