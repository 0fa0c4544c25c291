#include "api/answers.h"

#include "base/text.h"

namespace ringwall::api {

namespace {

struct Row {
  Errc code;
  int status;
  const char* name;
};
constexpr Row kRows[] = {
    {Errc::kInvalid, 400, "invalid"},      {Errc::kNotFound, 404, "not_found"},        {Errc::kExists, 409, "exists"},
    {Errc::kLimit, 429, "limit"},          {Errc::kCorrupt, 500, "corrupt"},           {Errc::kUnavailable, 503, "unavailable"},
    {Errc::kDenied, 401, "denied"},        {Errc::kCancelled, 503, "cancelled"},       {Errc::kInternal, 500, "internal"},
};

const Row& row_of(Errc code) {
  for (const auto& row : kRows) {
    if (row.code == code) return row;
  }
  return kRows[std::size(kRows) - 1];
}

}  // namespace

int status_of(Errc code) { return row_of(code).status; }

http::Response error_answer(const Error& error) {
  const auto& row = row_of(error.code);
  http::Response response{.status = row.status};
  response.body = R"({"error":{"code":")";
  response.body.append(row.name).append("\",\"message\":");
  base::append_json_string(response.body, error.message);
  response.body.append(",\"hint\":");
  base::append_json_string(response.body, error.hint);
  response.body.append("}}");
  if (row.status == 429 || row.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace ringwall::api
