// Memory of one transaction: pieces are taken and never given back; reset() makes all of it free again at once.
//
// After the first few requests a transaction takes no memory from the system any more.  Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace ringwall::waf {

class Arena {
 public:
  explicit Arena(std::size_t block_bytes = 64 << 10) : block_bytes_(block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised, aligned to 16 bytes.
  char* take(std::size_t bytes) {
    bytes = (bytes + 15) & ~std::size_t{15};
    if (bytes > left_) grow(bytes);
    char* out = at_;
    at_ += bytes;
    left_ -= bytes;
    used_ += bytes;
    return out;
  }
  // Gives back the end of the piece taken last, when less of it was needed.
  void shrink_last(const char* piece, std::size_t taken, std::size_t needed) {
    taken = (taken + 15) & ~std::size_t{15};
    needed = (needed + 15) & ~std::size_t{15};
    if (piece + taken != at_ || needed > taken) return;
    at_ -= taken - needed;
    left_ += taken - needed;
    used_ -= taken - needed;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* out = take(text.size());
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }
  template <class T>
  T* make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* out = reinterpret_cast<T*>(take(count * sizeof(T)));
    std::uninitialized_value_construct_n(out, count);
    return out;
  }

  std::size_t used() const { return used_; }  // bytes since reset()
  void reset() {
    next_ = 0;
    left_ = used_ = 0;
    at_ = nullptr;
    // What one giant request needed is not kept for all the small ones after it.
    if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
  }

 private:
  static constexpr std::size_t kBlocksKept = 16;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  void grow(std::size_t bytes) {
    while (next_ < blocks_.size() && blocks_[next_].size < bytes) ++next_;
    if (next_ == blocks_.size()) {
      const auto size = std::max(bytes, block_bytes_);
      blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    }
    at_ = blocks_[next_].bytes.get();
    left_ = blocks_[next_].size;
    ++next_;
  }

  const std::size_t block_bytes_;
  std::vector<Block> blocks_;
  std::size_t next_ = 0, left_ = 0, used_ = 0;
  char* at_ = nullptr;
};

}  // namespace ringwall::waf
