// The names of Gloo that libtorch's ProcessGroupGloo.hpp mentions. libtorch contains Gloo but ships none of its
// headers. Nothing here is ever laid out, constructed or called by this program: ProcessGroupGloo and its options
// hold Gloo's types only behind shared pointers, so their own layout is libtorch's header alone. Types that need no
// body are left incomplete, so that the compiler refuses any other use.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

// Named by an inline override of ProcessGroupGloo, which libtorch emits itself.
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

namespace rendezvous {
// Base of ProcessGroupGloo::GlooStore, which only libtorch makes.
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& data) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

}  // namespace gloo
