// Errors as the API answers them: a status and {"error":{"code","message","hint"}}.
#pragma once

#include "base/result.h"
#include "http/server.h"

namespace ringwall::api {

int status_of(Errc code);
http::Response error_answer(const Error& error);

}  // namespace ringwall::api
