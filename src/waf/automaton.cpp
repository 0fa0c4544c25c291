#include "waf/detail/automaton.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

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

// In the table of transitions, where offsets of states are else.  Less one, both have the highest bit.
constexpr std::uint32_t kUnbuilt = 0, kMatched = ~std::uint32_t{0};
bool is_special(std::uint32_t next) { return next - 1 >= kMatched >> 1; }
constexpr std::ptrdiff_t kShortWait = 8, kPatience = 256;  // looking for the next begin pays when it is farther away than this; else not tried for so long
// What it took, in steps: of a byte that is looked at alone, and of four by several; of bytes passed over together; of a transition that is
// built, and for each step of the states beside it.
constexpr std::uint64_t kStepsPerByte = 2, kStepsPerFourTogether = 3, kPassedOverPerStep = 8, kStepsPerTransition = 300, kStepsPerListed = 8, kStepsPerSearch = 150;
constexpr std::uint64_t kTransitionsFree = 100;  // of a search, until the memory has been full once: each is built once only

constexpr std::size_t kLanes = 4;              // searches that run together
constexpr std::ptrdiff_t kProbedBytes = 1024;  // up to there each search shows whether it mostly waits

// Adds the steps that take a byte or assert something and are reached from this one without a byte.  True: the match is too.
bool reach(const Nfa& nfa, std::uint32_t from, StepSet& seen, std::vector<std::uint32_t>& out, std::vector<std::uint32_t>& stack) {
  bool matched = false;
  stack.assign(1, from);
  while (!stack.empty()) {
    const auto at = stack.back();
    stack.pop_back();
    if (!seen.add(at)) continue;
    const auto& step = nfa.steps[at];
    if (step.kind == Nfa::Kind::kMatch) matched = true;
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
  };
  struct Begun {
    bool known = false, matched = false;
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

  static std::size_t hash(const std::vector<std::uint32_t>& list, Context before) {
    std::uint64_t sum = before + 0x9E3779B97F4A7C15;
    for (const auto step : list) sum = (sum ^ step) * 0xFF51AFD7ED558CCD, sum ^= sum >> 32;
    return static_cast<std::size_t>(sum);
  }
  // The offset in the table of the state that is at these steps, in their order.
  std::uint32_t state_of(const std::vector<std::uint32_t>& list, Context before) {
    if (states.size() * 2 > buckets.size()) grow();
    auto at = hash(list, before) & (buckets.size() - 1);
    for (; buckets[at] != 0; at = (at + 1) & (buckets.size() - 1)) {
      const auto& state = states[buckets[at]];
      if (state.before == before && state.size == list.size() && std::equal(list.begin(), list.end(), steps.begin() + state.begin)) return static_cast<std::uint32_t>(buckets[at] * stride);
    }
    buckets[at] = static_cast<std::uint32_t>(states.size());
    states.push_back({static_cast<std::uint32_t>(steps.size()), static_cast<std::uint32_t>(list.size()), before});
    steps.insert(steps.end(), list.begin(), list.end());
    table.resize(table.size() + stride, kUnbuilt);
    return static_cast<std::uint32_t>(table.size() - stride);
  }
  std::vector<std::uint32_t> list_of(const State& state) const { return {steps.begin() + state.begin, steps.begin() + state.begin + state.size}; }
  void grow() {
    buckets.assign(buckets.size() * 2, 0);
    for (std::uint32_t i = 1; i < states.size(); ++i) {
      auto at = hash(list_of(states[i]), states[i].before) & (buckets.size() - 1);
      while (buckets[at] != 0) at = (at + 1) & (buckets.size() - 1);
      buckets[at] = i;
    }
  }

  const std::size_t stride;           // transitions of a state: one for each class of bytes, and the text's end
  std::vector<std::uint32_t> table;   // by state and class
  std::vector<State> states;
  std::vector<std::uint32_t> steps;   // of all states
  std::vector<std::uint32_t> buckets; // states by their steps; 0: none
  bool was_full = false;
  StepSet now, next;
  std::vector<std::uint32_t> now_list, next_list, joined_list, stack;
  std::vector<Begun> begun;           // by context and class: where a match is that begins with such a byte; steps in order
};

class Automaton::Search {
 public:
  explicit Search(const Automaton& of) : a_(of), m_(of.take_memory()) {
    state_ = m_->state_of({}, a_.start_asserts_ ? kBegin : kOther);
    find_idle();
    if (a_.always_) over_ = true, answer_ = Answer::kYes;
  }
  ~Search() { a_.give_back(m_); }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // Goes on, from `at` up to `stop`.
  void run(const unsigned char* at, const unsigned char* const stop) {
    if (over_) return;
    const auto* const from = at;
    const auto passed_before = passed_over_;
    pass(at, stop);
    steps_ += kStepsPerByte * (static_cast<std::uint64_t>(at - from) - (passed_over_ - passed_before));
  }
  // Up to four searches side by side.
  static void run_together(std::span<Search* const> all, const unsigned char* at, const unsigned char* end);

  bool waits_mostly(std::ptrdiff_t bytes) const { return passed_over_ * 2 > static_cast<std::uint64_t>(bytes); }
  bool over() const { return over_; }
  Answer finish(std::uint64_t& steps) {
    if (!over_) {
      const auto at_end = state_ + a_.member_.size();
      if (m_->table[at_end] == kUnbuilt) build(a_.member_.size());
      answer_ = m_->table[at_end] == kMatched ? Answer::kYes : Answer::kNo;
    }
    steps += kStepsPerSearch + steps_ + passed_over_ / kPassedOverPerStep;
    return answer_;
  }

 private:
  void pass(const unsigned char*& at, const unsigned char* const stop) {
    const auto* const classes = a_.classes_.data();
    const auto* hasty = a_.waits_ ? at : stop;  // up to there no begin of a match is looked for
    const auto* table = m_->table.data();
    auto state = state_;
    while (at != stop) {
      std::uint32_t next = kUnbuilt;
      if (at < hasty) {
        for (; at != hasty; ++at) {
          next = table[state + classes[*at]];
          if (is_special(next)) break;
          state = next;
        }
        if (!is_special(next)) continue;
      } else {
        if (state == idle_) {
          const auto* const from = at;
          at = a_.leaves_.find(at, stop);
          passed_over_ += static_cast<std::uint64_t>(at - from);
          if (at == stop) break;
          if (at - from < kShortWait) {
            hasty = stop - at > kPatience ? at + kPatience : stop;
            continue;
          }
        }
        for (; at != stop; ++at) {
          next = table[state + classes[*at]];
          if (is_special(next)) break;
          state = next;
          if (state == idle_) break;
        }
        if (at == stop) break;
        if (!is_special(next)) {
          ++at;
          continue;
        }
      }
      state_ = state;
      if (!take(*at)) return;
      table = m_->table.data();
      state = state_;
      ++at;
    }
    state_ = state;
  }

  // One byte, wherever it leads; false: it is over.
  bool take(unsigned char byte) {
    const auto byte_class = a_.classes_[byte];
    auto next = m_->table[state_ + byte_class];
    if (next == kUnbuilt) next = build(byte_class);
    if (next == kMatched) over_ = true, answer_ = Answer::kYes;
    else state_ = next;
    if (built_steps_ > kAutomatonStepsMax) over_ = true, answer_ = Answer::kGivenUp;
    return !over_;
  }

  void find_idle() { idle_ = !a_.waits_ ? kUnbuilt : m_->state_of({}, kOther); }

  std::uint32_t build(std::size_t byte_class) {
    const auto next = next_of(m_->states[state_ / m_->stride], byte_class);
    m_->table[state_ + byte_class] = next;
    if (++transitions_ > kTransitionsFree || m_->was_full) {
      const auto took = kStepsPerTransition + kStepsPerListed * (m_->now_list.size() + m_->joined_list.size());
      steps_ += took, built_steps_ += took;
    }
    if (next == kMatched || byte_class == a_.member_.size() || m_->bytes() <= kAutomatonMemoryMax) return next;
    const auto kept = m_->states[next / m_->stride];
    const auto list = m_->list_of(kept);
    m_->clear();
    m_->was_full = true;
    find_idle();
    return m_->state_of(list, kept.before);
  }

  std::uint32_t next_of(const Memory::State from, std::size_t byte_class) {
    const auto& begins = begun(from.before, byte_class);
    m_->joined_list.clear(), m_->next.clear(), m_->next_list.clear();
    m_->now_list.assign(m_->steps.begin() + from.begin, m_->steps.begin() + from.begin + from.size);
    if (begins.matched || advance(m_->now_list, from.before, byte_class)) return kMatched;
    std::sort(m_->next_list.begin(), m_->next_list.end());
    std::set_union(m_->next_list.begin(), m_->next_list.end(), begins.steps.begin(), begins.steps.end(), std::back_inserter(m_->joined_list));
    const bool asserts = a_.start_asserts_ || std::any_of(m_->joined_list.begin(), m_->joined_list.end(), [&](std::uint32_t one) { return a_.nfa_.steps[one].kind != Nfa::Kind::kBytes; });
    return m_->state_of(m_->joined_list, asserts && byte_class < a_.context_.size() ? a_.context_[byte_class] : kOther);
  }

  // What begins with a byte of the class.
  const Memory::Begun& begun(Context before, std::size_t byte_class) {
    auto& one = m_->begun[before * m_->stride + byte_class];
    if (one.known) return one;
    one.known = true;
    m_->next.clear(), m_->next_list.clear();
    m_->now_list = a_.start_;
    one.matched = advance(m_->now_list, before, byte_class);
    std::sort(m_->next_list.begin(), m_->next_list.end());
    one.steps = m_->next_list;
    return one;
  }

  // Adds the steps behind a byte of the class, of those in `list`, to next_list.  True: a match ends before or with it.
  bool advance(std::vector<std::uint32_t>& list, Context before, std::size_t byte_class) {
    const bool at_end = byte_class == a_.member_.size();
    bool matched = false, seen = false;
    for (std::size_t i = 0; i < list.size() && !matched; ++i) {
      const auto& step = a_.nfa_.steps[list[i]];
      if (step.kind == Nfa::Kind::kBytes) {
        if (!at_end && a_.nfa_.sets[step.bytes][a_.member_[byte_class]]) matched = reach(a_.nfa_, step.out, m_->next, m_->next_list, m_->stack);
      } else if (a_.holds(step.kind, before, byte_class)) {
        if (!std::exchange(seen, true)) {
          m_->now.clear();
          for (const auto one : list) m_->now.add(one);
        }
        matched = reach(a_.nfa_, step.out, m_->now, list, m_->stack);
      }
    }
    return matched;
  }

  const Automaton& a_;
  Memory* const m_;
  std::uint32_t state_ = 0;
  std::uint32_t idle_ = kUnbuilt;  // the state of waiting for a match to begin
  bool over_ = false;
  Answer answer_ = Answer::kNo;
  std::uint64_t steps_ = 0, built_steps_ = 0, transitions_ = 0, passed_over_ = 0;
};

void Automaton::Search::run_together(std::span<Search* const> all, const unsigned char* at, const unsigned char* const end) {
  // A lane without a search stays where it is.
  static constexpr std::uint32_t kNoTable[] = {1, 1};
  std::uint8_t classes[256][kLanes] = {};  // side by side, so that one register knows where they are
  const std::uint32_t* tables[kLanes];
  std::size_t states[kLanes];
  const auto take_up = [&](std::size_t lane) {
    const bool runs = lane < all.size() && !all[lane]->over_;
    tables[lane] = runs ? all[lane]->m_->table.data() : kNoTable;
    states[lane] = runs ? all[lane]->state_ : 1;
    if (runs) return;
    for (auto& one : classes) one[lane] = 0;
  };
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t c = 0; c < 256 && lane < all.size(); ++c) classes[c][lane] = all[lane]->a_.classes_[c];
    take_up(lane);
  }
  auto running = all.size();
  while (running > 0) {
    const auto* const from = at;
    const auto *const t0 = tables[0], *const t1 = tables[1], *const t2 = tables[2], *const t3 = tables[3];
    auto s0 = states[0], s1 = states[1], s2 = states[2], s3 = states[3];
    for (; at != end; ++at) {
      const auto& row = classes[*at];
      const auto n0 = t0[s0 + row[0]], n1 = t1[s1 + row[1]], n2 = t2[s2 + row[2]], n3 = t3[s3 + row[3]];
      if ((((n0 - 1) | (n1 - 1) | (n2 - 1) | (n3 - 1)) >> 31) != 0) break;
      s0 = n0, s1 = n1, s2 = n2, s3 = n3;
    }
    states[0] = s0, states[1] = s1, states[2] = s2, states[3] = s3;
    running = 0;
    for (std::size_t lane = 0; lane < all.size(); ++lane) {
      auto& one = *all[lane];
      if (one.over_) continue;
      one.state_ = static_cast<std::uint32_t>(states[lane]);
      one.steps_ += static_cast<std::uint64_t>(at - from + 1) * kStepsPerFourTogether / 4;
      if (at != end) one.take(*at);
      if (at != end && !one.over_) ++running;
      take_up(lane);
    }
    if (at != end) ++at;
  }
}

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
    if (step.kind == Nfa::Kind::kBytes) firsts |= nfa_.sets[step.bytes];
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

Automaton::Memory* Automaton::take_memory() const {
  for (auto& one : spare_) {
    if (auto* memory = one.exchange(nullptr); memory != nullptr) return memory;
  }
  return new Memory(*this);
}

void Automaton::give_back(Memory* memory) const {
  for (auto& one : spare_) {
    Memory* none = nullptr;
    if (one.compare_exchange_strong(none, memory)) return;
  }
  delete memory;
}

Automaton::Answer Automaton::find(std::string_view text, std::uint64_t& steps) const {
  Search search(*this);
  const auto* const begin = reinterpret_cast<const unsigned char*>(text.data());
  search.run(begin, begin + text.size());
  return search.finish(steps);
}

void Automaton::find_each(std::span<const Automaton* const> all, std::string_view text, std::span<Answer> answers, std::uint64_t& steps) {
  const auto* const begin = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = begin + text.size();
  const auto* const probed = end - begin > kProbedBytes ? begin + kProbedBytes : end;
  std::deque<Search> searches;
  std::vector<Search*> busy;
  for (const auto* one : all) {
    auto& search = searches.emplace_back(*one);
    search.run(begin, probed);
    if (search.waits_mostly(probed - begin)) search.run(probed, end);
    else if (!search.over()) busy.push_back(&search);
  }
  for (std::size_t i = 0; i < busy.size(); i += kLanes) Search::run_together(std::span(busy).subspan(i, std::min(kLanes, busy.size() - i)), probed, end);
  for (std::size_t i = 0; i < all.size(); ++i) answers[i] = searches[i].finish(steps);
}

}  // namespace ringwall::waf::detail
