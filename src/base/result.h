// Failures as values.  A function that can fail returns Result<T>; the caller unwraps it with RW_TRY or looks.
//
//   Result<int> parse_port(std::string_view text);
//   auto port = RW_TRY(parse_port(text));                       // returns the error to our caller
//   auto port = RW_TRY_CTX(fmt::format("read {}", path), ...);  // and says what was being attempted
//
// The code says what a caller can do about it; the message is for a person and grows outside-in.
#pragma once

#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace ringwall {

enum class Errc {
  kInvalid,      // the input is wrong; the same input fails again
  kNotFound,     // the named thing does not exist
  kExists,       // the thing to be created exists already
  kLimit,        // a named limit was reached; the number is in the message
  kCorrupt,      // stored bytes are not what was written
  kUnavailable,  // a peer, disk or process refuses now; trying again later may succeed
  kDenied,       // identity or permission
  kCancelled,    // the caller or a shutdown ended it
  kInternal,     // a library failed in a way we did not foresee
};

struct Error {
  Errc code = Errc::kInternal;
  std::string message;  // lower case, names the thing
  std::string hint;     // the next step for a person; may be empty
};

inline Error fail(Errc code, std::string message, std::string hint = {}) {
  return Error{code, std::move(message), std::move(hint)};
}

// Prints the belief that was wrong and stops: our own bug, never a matter of input.
[[noreturn]] void assert_failed(const char* text, const char* file, int line);
#define RW_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::ringwall::assert_failed(#condition, __FILE__, __LINE__))

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only after ok(); otherwise it is our bug and the program stops with the message.
  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  T&& value() && { return check(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  void check() const {
    if (!ok()) assert_failed(std::get<1>(state_).message.c_str(), "Result::value", 0);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}
  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  void value() const {
    if (!ok_) assert_failed(error_.message.c_str(), "Result::value", 0);
  }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

namespace detail {
inline Error with_context(Error error, const std::string& doing) {
  error.message = doing + ": " + error.message;
  return error;
}

// What was being attempted when an error came; only for RW_TRY_CTX.
struct Doing {
  std::string what;
};
inline Error operator<<(const Doing& doing, Error error) { return with_context(std::move(error), doing.what); }
}  // namespace detail

}  // namespace ringwall

// GCC and Clang statement expressions: the value of the block is the unwrapped value.  The counter gives every use a
// name of its own, so that one may stand inside another.
#define RW_TRY(expression) RW_TRY_NAMED(RW_TRY_NAME(__COUNTER__), expression, )
#define RW_TRY_CTX(doing, expression) RW_TRY_NAMED(RW_TRY_NAME(__COUNTER__), expression, RW_TRY_WITH(doing))
#define RW_TRY_NAME(number) RW_TRY_JOIN(rw_result_, number)
#define RW_TRY_JOIN(a, b) a##b
#define RW_TRY_WITH(doing) ::ringwall::detail::Doing{doing} <<
#define RW_TRY_NAMED(name, expression, context)            \
  ({                                                       \
    auto name = (expression);                              \
    if (!name.ok()) return context std::move(name).error(); \
    std::move(name).value();                               \
  })
