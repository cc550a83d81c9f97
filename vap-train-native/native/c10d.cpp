// libtorch's process groups (c10d) behind a C interface: a TCPStore where ranks meet, and a Gloo or NCCL group that
// sums and broadcasts tensors. Every function returns nullptr, or a message that the caller frees.

#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef HAS_C10D

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

using std::chrono::milliseconds;

struct VapStore {
  c10::intrusive_ptr<c10d::Store> store;
};

struct VapGroup {
  c10::intrusive_ptr<c10d::Backend> backend;
  int64_t device;  // CUDA device of an NCCL group, -1 for Gloo
};

namespace {

/// Runs `body`; no exception leaves it.
template <typename Body>
char* guarded(Body body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error& error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception of unknown type");
  }
}

std::string rank_key(const char* tag, int rank) {
  return std::string(tag) + "/" + std::to_string(rank);
}

c10::intrusive_ptr<c10d::Backend> connect(
    const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, int64_t device, milliseconds timeout) {
  if (device < 0) {
    auto options = c10d::ProcessGroupGloo::Options::create_default(timeout);
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, std::move(options));
  }
#ifdef USE_C10D_NCCL
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, std::move(options));
#else
  throw std::runtime_error("this program was built without NCCL");
#endif
}

}  // namespace

extern "C" {

int vap_c10d_has_nccl() {
#ifdef USE_C10D_NCCL
  return 1;
#else
  return 0;
#endif
}

/// Opens the store at host:port, which this process serves if `serves`; keys are prefixed.
char* vap_store_open(
    const char* host, uint16_t port, int serves, const char* prefix, int64_t timeout_ms, VapStore** out) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serves != 0;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout_ms);
    auto tcp = c10::make_intrusive<c10d::TCPStore>(host, options);
    *out = new VapStore{c10::make_intrusive<c10d::PrefixStore>(prefix, tcp)};
  });
}

void vap_store_close(VapStore* store) { delete store; }

/// Says "here" under `tag`, waits for all others and marks in `present`, one byte a rank, who came in time.
char* vap_store_roll_call(
    VapStore* store, const char* tag, int rank, int size, int64_t timeout_ms, uint8_t* present) {
  return guarded([&] {
    store->store->set(rank_key(tag, rank), std::vector<uint8_t>{1});
    std::vector<std::string> keys;
    for (int other = 0; other < size; ++other) keys.push_back(rank_key(tag, other));
    try {
      store->store->wait(keys, milliseconds(timeout_ms));
    } catch (const std::exception&) {
      // Who is missing is asked below, where a store that is gone throws again.
    }
    for (int other = 0; other < size; ++other) present[other] = store->store->check({keys[other]}) ? 1 : 0;
  });
}

/// Connects the group: Gloo when `device` is -1, else NCCL on that CUDA device. Connecting may take `join_ms`,
/// each later call `timeout_ms`.
char* vap_group_create(
    VapStore* store, int rank, int size, int64_t device, int64_t join_ms, int64_t timeout_ms, VapGroup** out) {
  return guarded([&] {
    auto backend = connect(store->store, rank, size, device, milliseconds(device < 0 ? join_ms : timeout_ms));
    if (device < 0) backend->setTimeout(milliseconds(timeout_ms));
    *out = new VapGroup{std::move(backend), device};
  });
}

void vap_group_destroy(VapGroup* group) {
  // A peer that is gone must not make the end of this process an abort.
  free(guarded([&] { delete group; }));
}

/// Sums `tensor` over all ranks, in place.
char* vap_group_all_reduce(VapGroup* group, at::Tensor* tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    group->backend->allreduce(tensors)->wait();
  });
}

/// Overwrites `tensor` with that of rank `root`.
char* vap_group_broadcast(VapGroup* group, at::Tensor* tensor, int root) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    group->backend->broadcast(tensors, options)->wait();
  });
}

/// Returns when all ranks have called it.
char* vap_group_barrier(VapGroup* group) {
  return guarded([&] {
    c10d::BarrierOptions options;
    if (group->device >= 0) options.device_ids = {group->device};
    group->backend->barrier(options)->wait();
  });
}

}  // extern "C"

#else

struct VapStore;
struct VapGroup;

namespace {
char* absent() { return strdup("this program was built without libtorch's process groups (c10d)"); }
}  // namespace

extern "C" {
int vap_c10d_has_nccl() { return 0; }
char* vap_store_open(const char*, uint16_t, int, const char*, int64_t, VapStore**) { return absent(); }
void vap_store_close(VapStore*) {}
char* vap_store_roll_call(VapStore*, const char*, int, int, int64_t, uint8_t*) { return absent(); }
char* vap_group_create(VapStore*, int, int, int64_t, int64_t, int64_t, VapGroup**) { return absent(); }
void vap_group_destroy(VapGroup*) {}
char* vap_group_all_reduce(VapGroup*, void*) { return absent(); }
char* vap_group_broadcast(VapGroup*, void*, int) { return absent(); }
char* vap_group_barrier(VapGroup*) { return absent(); }
}  // extern "C"

#endif

extern "C" void vap_message_free(char* message) { free(message); }
