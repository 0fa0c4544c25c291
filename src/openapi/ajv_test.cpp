// The same schemas and values judged here and by Ajv, an independent validator of JSON Schema.  tests/openapi/README.md says what is
// left out because the two differ on purpose.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "openapi/test_support.h"

using namespace ringwall::openapi;

namespace {

struct Close {
  void operator()(FILE* file) const { ::pclose(file); }
};

// References from the schema's root are ones from the document's here.
std::string placed(std::string schema) {
  const std::string from = "\"#/$defs/one\"", to = "\"#/paths/~1/post/requestBody/content/application~1json/schema/$defs/one\"";
  for (std::size_t at = 0; (at = schema.find(from, at)) != schema.npos; at += to.size()) schema.replace(at, from.size(), to);
  return schema;
}

}  // namespace

TEST_CASE("ajv: schemas and values from a seed are judged alike") {
  const auto* wanted = std::getenv("RINGWALL_AJV_SEED");
  const std::string folder = RINGWALL_SOURCE_DIR "/tests/openapi", seed = wanted != nullptr ? wanted : "1";
  if (std::system(("test -d " + folder + "/node_modules/ajv && command -v node > /dev/null").c_str()) != 0) {
    std::printf("skipped: openapi and Ajv compared: node or %s/node_modules is not there\n", folder.c_str());
    return;
  }
  const std::unique_ptr<FILE, Close> lines(::popen(("node " + folder + "/generate.mjs " + seed + " 150").c_str(), "r"));
  REQUIRE(lines != nullptr);
  std::string line, schema;
  std::shared_ptr<const Model> model;
  int values = 0, valid = 0, schemas = 0;
  for (int c; (c = std::fgetc(lines.get())) != EOF;) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    if (line.starts_with("S ")) {
      schema = line.substr(2);
      model = model_of(with_schema(placed(schema)));
      ++schemas;
    } else {
      const bool fits = line[2] == '1';
      const auto found = judge(*model, "POST /\n\n" + line.substr(4));
      CHECK_MESSAGE((found == "fits") == fits, "seed " << seed << ", Ajv says " << (fits ? "valid" : "invalid") << ", here: " << found << "\n" << schema << "\n" << line.substr(4));
      ++values;
      valid += fits ? 1 : 0;
    }
    line.clear();
  }
  CHECK(schemas == 150);
  CHECK(valid > values / 10);
  CHECK(valid < values * 9 / 10);
}
