// normalizePath: what a server makes of a path.  "//" is "/", "./" is nothing, "a/../" is nothing.
//
// A path that begins with '/' never climbs above it; any other keeps the leading ".." it cannot resolve.  A '/' at the end
// stays as it was, there or not: "/a/.." is nothing at all.
#include "waf/detail/transform.h"

namespace ringwall::waf::transforms {

namespace {

class PathNormalizer {
 public:
  PathNormalizer(std::string_view text, bool win, char* out) : text_(text), win_(win), relative_(!slash(0)), out_(out) {}

  char* run() {
    while (i_ < text_.size()) step();
    if (!slash(text_.size() - 1) && size_ > 0 && out_[size_ - 1] == '/') --size_;
    return out_ + size_;
  }

 private:
  bool slash(std::size_t at) const { return text_[at] == '/' || (win_ && text_[at] == '\\'); }
  // Two bytes at a time have their '\' turned; in a longer run of them the last is copied as it is.
  char turned(std::size_t at) const { return slash(at) && at <= turned_to_ ? '/' : text_[at]; }

  // Copies one byte, after closing the segment that ends with it.
  void step() {
    const bool last = i_ + 1 == text_.size();
    turned_to_ = i_ + 1;
    if (last || turned(i_ + 1) == '/') {
      const char c = turned(i_);
      if (!last && c == '/') {
        // An empty segment; copy() takes the slashes as one.
      } else if (c == '.') {
        if (!close_dots(last)) return;
      } else if (size_ > 0) {
        at_root_ = false;
      }
    }
    copy();
  }

  // A segment that ends with a dot, which is not copied yet.  False: it is the end of the text and goes.
  bool close_dots(bool last) {
    if (size_ > 0 && out_[size_ - 1] == '.') {
      // Whatever stands before the two dots: the library takes "x.." for a ".." too.
      if (relative_ && (at_root_ || size_ <= 2)) {
        at_root_ = true;
        return true;
      }
      auto parent = static_cast<std::ptrdiff_t>(size_) - 3;
      while (parent > 0 && out_[parent] != '/') --parent;
      size_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(parent, 0));
      if (parent <= 0) {
        at_root_ = true;
        if (!relative_ && last) size_ = 1;  // its '/'
      }
    } else if (size_ > 0 && out_[size_ - 1] == '/') {
      if (!last) --size_;
    } else if (size_ > 0) {
      return true;  // the dot of a name
    }
    ++i_;
    return !last;
  }

  void copy() {
    char c = turned(i_);
    if (c == '/') {
      while (i_ + 1 < text_.size() && slash(i_ + 1)) ++i_;
      c = turned(i_);
      if (relative_ && size_ == 0) {
        ++i_;
        return;
      }
    }
    out_[size_++] = c;
    ++i_;
  }

  const std::string_view text_;
  const bool win_, relative_;
  char* const out_;
  std::size_t size_ = 0, i_ = 0, turned_to_ = 0;
  bool at_root_ = false;  // a ".." found nothing left to remove
};

std::string_view normalized_path(std::string_view text, bool win, Arena& arena) {
  return rewritten(text, 0, arena, [&](char* out, std::size_t) { return PathNormalizer(text, win, out).run(); });
}

}  // namespace

std::string_view normalize_path(std::string_view text, Arena& arena) { return normalized_path(text, false, arena); }
std::string_view normalize_path_win(std::string_view text, Arena& arena) { return normalized_path(text, true, arena); }

}  // namespace ringwall::waf::transforms
