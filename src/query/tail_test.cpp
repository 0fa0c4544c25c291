#include "query/tail.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <thread>

using namespace ringwall;
using namespace ringwall::query;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const base::Batch> batch_of(const std::vector<std::string>& messages, base::Signal signal = base::Signal::kLog) {
  base::BatchBuilder builder(signal);
  for (const auto& message : messages) builder.record(1, message);
  return std::make_shared<const base::Batch>(builder.take());
}

std::unique_ptr<Subscription> follow(Tail& tail, std::string_view search, std::optional<TailPosition> after = {}) {
  return tail.subscribe(understand(search, base::Signal::kLog).value(), after).value();
}

// "1-0:a 1-2:c", with "gap 3 " before it.
std::string shown(const TailPiece& piece) {
  std::string out;
  if (piece.skipped > 0) out += fmt::format("gap {} ", piece.skipped);
  for (const auto& event : piece.events) out += fmt::format("{}:{} ", to_text(event.position), event.batch->view(event.batch->text[event.position.record]));
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace

TEST_CASE("tail: a position is text and comes back") {
  CHECK(to_text({12, 3}) == "12-3");
  CHECK(parse_tail_position("12-3") == TailPosition{12, 3});
  for (const std::string_view wrong : {"", "12", "12-", "-3", "a-3", "12-3x", "12-99999999", "99999999999999999999-0"}) {
    CAPTURE(wrong);
    CHECK(!parse_tail_position(wrong).has_value());
  }
}

TEST_CASE("tail: shows what matches, from now on, in order") {
  Tail tail;
  tail.accept(1, batch_of({"old"}));
  const auto follower = follow(tail, "ap*");
  CHECK(shown(follower->next(10, 0ms)) == "");
  tail.accept(2, batch_of({"apple", "pear", "apricot"}));
  tail.accept(3, batch_of({"a span"}, base::Signal::kSpan));
  tail.accept(7, batch_of({"plum", "ape"}));
  tail.accept(7, batch_of({"apex"}));  // heard before
  CHECK(shown(follower->next(2, 0ms)) == "2-0:apple 2-2:apricot");
  CHECK(shown(follower->next(10, 0ms)) == "7-1:ape");
  CHECK(shown(follower->next(10, 0ms)) == "");
}

TEST_CASE("tail: a client that comes back goes on after its last record") {
  Tail tail;
  tail.accept(1, batch_of({"a", "b", "c"}));
  tail.accept(4, batch_of({"d"}));
  CHECK(shown(follow(tail, "", TailPosition{1, 0})->next(10, 0ms)) == "1-1:b 1-2:c 4-0:d");
  CHECK(shown(follow(tail, "", TailPosition{1, 2})->next(10, 0ms)) == "4-0:d");
  CHECK(shown(follow(tail, "", TailPosition{1, 999})->next(10, 0ms)) == "4-0:d");
  CHECK(shown(follow(tail, "", TailPosition{2, 0})->next(10, 0ms)) == "4-0:d");
  CHECK(shown(follow(tail, "", TailPosition{4, 0})->next(10, 0ms)) == "");
  const auto stranger = follow(tail, "", TailPosition{900, 0});  // of another spool: from now on
  CHECK(shown(stranger->next(10, 0ms)) == "");
  tail.accept(5, batch_of({"e"}));
  CHECK(shown(stranger->next(10, 0ms)) == "5-0:e");
}

TEST_CASE("tail: after a restart a client is not shown again what is replayed") {
  Tail tail;
  const auto follower = follow(tail, "", TailPosition{5, 1});
  tail.accept(4, batch_of({"seen"}));
  CHECK(shown(follower->next(10, 0ms)) == "");
  tail.accept(5, batch_of({"seen", "seen", "new"}));
  tail.accept(6, batch_of({"newer"}));
  CHECK(shown(follower->next(10, 0ms)) == "5-2:new 6-0:newer");
}

TEST_CASE("tail: who falls behind is told how many records it missed") {
  const auto one = batch_of({"x", "y", "z"});
  Tail tail(one->bytes() * 2);  // room for two batches
  const auto slow = follow(tail, "");
  tail.accept(1, one);
  CHECK(shown(slow->next(1, 0ms)) == "1-0:x");
  for (std::uint64_t sequence = 2; sequence <= 5; ++sequence) tail.accept(sequence, one);
  // 1-1, 1-2 and all of 2 and 3 are gone.
  CHECK(shown(slow->next(10, 0ms)) == "gap 8 4-0:x 4-1:y 4-2:z 5-0:x 5-1:y 5-2:z");
  CHECK(shown(follow(tail, "", TailPosition{2, 1})->next(1, 0ms)) == "gap 4 4-0:x");
  CHECK(shown(follow(tail, "", TailPosition{3, 2})->next(1, 0ms)) == "4-0:x");
  // A gap is told even when nothing after it matches.
  CHECK(shown(follow(tail, "nothing", TailPosition{3, 1})->next(1, 0ms)) == "gap 1");
}

TEST_CASE("tail: followers are limited, and leave room when they go") {
  Tail tail;
  std::vector<std::unique_ptr<Subscription>> followers;
  for (std::size_t i = 0; i < kTailSubscribersMax; ++i) followers.push_back(follow(tail, ""));
  CHECK(tail.subscribe({}).error().code == Errc::kLimit);
  CHECK(tail.subscribers() == kTailSubscribersMax);
  followers.pop_back();
  CHECK(tail.subscribe({}).ok());
}

// Goal: with one thread accepting and several following at once, each sees every record once and in order.
TEST_CASE("tail: concurrent followers see everything once") {
  constexpr std::uint64_t kBatches = 300;
  Tail tail;
  std::vector<std::unique_ptr<Subscription>> followers;
  for (int i = 0; i < 3; ++i) followers.push_back(follow(tail, "keep"));
  std::vector<std::uint64_t> wrong(followers.size(), 0), seen(followers.size(), 0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < followers.size(); ++i) {
    threads.emplace_back([&, i] {
      TailPosition last;
      while (seen[i] < kBatches) {
        const auto piece = followers[i]->next(7, 10s);
        if (piece.events.empty()) break;  // ten seconds without news: the count below says so
        for (const auto& event : piece.events) {
          if (!(last < event.position)) ++wrong[i];
          last = event.position;
          ++seen[i];
        }
      }
    });
  }
  for (std::uint64_t sequence = 1; sequence <= kBatches; ++sequence) tail.accept(sequence, batch_of({"drop", "keep", "drop"}));
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < followers.size(); ++i) {
    CHECK(seen[i] == kBatches);
    CHECK(wrong[i] == 0);
  }
}

TEST_CASE("tail: closing it lets everyone go") {
  Tail tail;
  const auto follower = follow(tail, "");
  std::atomic<bool> returned = false;
  std::thread waiting([&] {
    follower->next(1, 60s);
    returned = true;
  });
  tail.close();
  waiting.join();
  CHECK(returned);
  CHECK(shown(follower->next(1, 60s)) == "");
}
