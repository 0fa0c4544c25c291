// Delta debugging over the parts of an exchange: whole headers first, then ever smaller pieces of each text.
#include <algorithm>

#include "prove/prove.h"

namespace ringwall::prove {

namespace {

class Minimiser {
 public:
  Minimiser(Exchange exchange, const std::function<bool(const Exchange&)>& still, std::size_t tries) : best_(std::move(exchange)), still_(still), tries_(tries) {}

  Exchange run() {
    for (bool smaller = true; smaller && tries_ > 0;) {
      smaller = drop_headers([](Exchange& e) -> auto& { return e.headers; });
      smaller |= drop_headers([](Exchange& e) -> auto& { return e.response_headers; });
      smaller |= shorten([](Exchange& e) -> auto& { return e.body; });
      smaller |= shorten([](Exchange& e) -> auto& { return e.uri; });
      smaller |= shorten([](Exchange& e) -> auto& { return e.response_body; });
      for (std::size_t i = 0; i < best_.headers.size(); ++i) smaller |= shorten([i](Exchange& e) -> auto& { return e.headers[i].value; });
    }
    return std::move(best_);
  }

 private:
  bool keep_if_still(Exchange&& candidate) {
    if (tries_ == 0) return false;
    --tries_;
    if (!still_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  template <class Of>
  bool drop_headers(Of of) {
    bool smaller = false;
    for (std::size_t i = of(best_).size(); i-- > 0;) {
      Exchange candidate = best_;
      auto& headers = of(candidate);
      headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(i));
      smaller |= keep_if_still(std::move(candidate));
    }
    return smaller;
  }

  template <class Of>
  bool shorten(Of of) {
    bool smaller = false;
    for (std::size_t piece = of(best_).size(); piece > 0; piece /= 2) {
      for (std::size_t at = 0; at < of(best_).size();) {
        Exchange candidate = best_;
        of(candidate).erase(at, piece);
        if (keep_if_still(std::move(candidate))) smaller = true;
        else at += piece;
        if (tries_ == 0) return smaller;
      }
    }
    return smaller;
  }

  Exchange best_;
  const std::function<bool(const Exchange&)>& still_;
  std::size_t tries_;
};

}  // namespace

Exchange minimised(Exchange exchange, const std::function<bool(const Exchange&)>& still, std::size_t tries_max) { return Minimiser(std::move(exchange), still, tries_max).run(); }

}  // namespace ringwall::prove
