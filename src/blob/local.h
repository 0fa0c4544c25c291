// Blob in a folder of the local file system: key "a/b/c" is the file root/a/b/c.
//
// A writer fills root/.incoming/<n>, syncs it, links it to its name (the link fails when the name exists) and syncs the
// folders, so that a name never shows a part.  What a crash left in .incoming is removed by the next open().
// One process writes at a time.
#pragma once

#include <memory>
#include <string>

#include "blob/blob.h"

namespace ringwall::blob {

Result<std::unique_ptr<Blob>> open_local(const std::string& root);

}  // namespace ringwall::blob
