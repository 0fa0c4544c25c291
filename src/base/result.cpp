#include "base/result.h"

#include <cstdio>

namespace ringwall {

void assert_failed(const char* text, const char* file, int line) {
  std::fprintf(stderr, "ringwall: assertion failed: %s (%s:%d)\n", text, file, line);
  std::abort();
}

}  // namespace ringwall
