// Blob: named, immutable pieces of bytes.  A local folder now, an object store next; one test suite runs over both.
//
// A key is 1 .. kKeyBytesMax bytes of [A-Za-z0-9._=-] in parts separated by single '/'; no part is "." or "..", or
// begins with a dot.  Nothing is ever overwritten: writing to a key that exists fails with kExists (If-None-Match).
// A blob is visible whole or not at all, and survives a power cut once commit() has returned.
//
// Errors: kInvalid for a malformed key, kExists, kNotFound, kUnavailable when the device refuses, kCorrupt when fewer
// bytes are there than were promised.
// Thread-safe; one Writer belongs to one thread, a Reader to any number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::blob {

inline constexpr std::size_t kKeyBytesMax = 512;

struct Entry {
  std::string key;
  std::uint64_t bytes = 0;
};

// A blob in the making.  Destroying it without commit() leaves nothing.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> commit() = 0;
};

// An open blob.  Stays readable until it is destroyed, though the name may be removed meanwhile (a local folder
// promises that, an object store does not; callers therefore remove only what nobody reads).
class Reader {
 public:
  virtual ~Reader() = default;
  virtual std::uint64_t size() const = 0;
  // Exactly `bytes` bytes from `offset` into `out`; fails with kCorrupt beyond the end.
  virtual Result<void> read(std::uint64_t offset, char* out, std::size_t bytes) = 0;
};

class Blob {
 public:
  virtual ~Blob() = default;
  virtual Result<std::unique_ptr<Writer>> create(const std::string& key) = 0;
  virtual Result<std::unique_ptr<Reader>> open(const std::string& key) = 0;
  // Keys that begin with `prefix` (any text), sorted.
  virtual Result<std::vector<Entry>> list(const std::string& prefix) = 0;
  virtual Result<void> remove(const std::string& key) = 0;

  // In terms of the above.
  Result<void> put(const std::string& key, std::string_view bytes);
  Result<void> put_file(const std::string& key, const std::string& local_path);
  Result<std::uint64_t> size(const std::string& key);
  Result<std::string> read_range(const std::string& key, std::uint64_t offset, std::uint64_t bytes);
  Result<std::string> read(const std::string& key);
};

Result<void> check_key(std::string_view key);

}  // namespace ringwall::blob
