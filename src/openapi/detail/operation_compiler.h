// Paths, parameters and bodies of a document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "openapi/detail/compile.h"

namespace ringwall::openapi::detail {

class OperationCompiler {
 public:
  OperationCompiler(const Document& document, Program& out, Reporter& reporter, bool version_31);
  void run();

 private:
  // What waits for the schemas to be whole.
  struct Waiting {
    Spot at;
    std::uint32_t operation;
    std::size_t index;
  };

  void path(const std::string& text, Spot at);
  void operation(const std::string& method, std::uint32_t path, Spot at, const std::vector<Spot>& shared, const Spot& path_servers);
  bool parameter(const Spot& at, Parameter& out);
  bool shape_of(const Spot& at, Parameter& out);
  bool style_of(const Spot& at, Parameter& out);
  void body(const Spot& at, std::uint32_t operation);
  void media(const std::string& range, const Spot& at, std::uint32_t operation);
  void check_template(const std::string& text, const Spot& at, const std::vector<Parameter>& parameters, const std::vector<std::string>& names);
  std::uint32_t place(const std::string& text, const Spot& at, std::vector<std::string>& names);
  bool pieces(const std::string& segment, const Spot& at, std::vector<Piece>& out, std::vector<std::string>& names);

  std::vector<std::uint32_t> bases(const Spot& servers);
  std::uint32_t base(const std::string& path);
  std::vector<std::string> server_paths(const Spot& server);
  void key_parameters();

  // Names of the members of an object schema, through all it is composed of; false: others may be there.
  void members(std::uint32_t schema, std::vector<std::pair<std::string, std::uint32_t>>& out, bool& any, int depth);
  void finish_parameters();
  void finish_bodies();
  void field(const std::string& name, std::uint32_t schema, const Spot& encoding, bool multipart, Field& out);
  void no_others(const Spot& at, std::initializer_list<std::string_view> known, std::string_view what);

  Program& out_;
  Reporter& reporter_;
  References references_;
  SchemaCompiler schemas_;
  const Spot root_;
  std::vector<std::uint32_t> root_bases_;
  std::vector<Waiting> waiting_bodies_;
};

}  // namespace ringwall::openapi::detail
