// Include it in exactly one file of an executable.
#pragma once

#ifdef __SANITIZE_THREAD__
/// CAF's library is not instrumented, so TSan does not see its mailboxes and reference counts hand
/// memory over. The suppressions name the places where CAF reads or frees such memory, or unlocks
/// what it has locked unseen. (One name is too long to be shown as C++.) What handlers touch is
/// still checked, since pinned actors tell TSan what happened before.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libcaf_core.so\n"
         "race_top:/usr/include/caf/\n"
         "race_top:caf::detail::tuple_vals\n"
         "race:caf::detail::tuple_vals*::~tuple_vals\n"
         "race:caf::intrusive::drr_cached_queue*::new_round\n"
         "race:_ZN3caf9intrusive16drr_cached_queue*new_round\n"
         "mutex:clean_up\n"
         "race:caf::intrusive::fifo_inbox*::fetch_more\n"
         "race:caf::actor_storage*::free_storage\n";
}
#endif
