/* Native calls on Windows. On x64 the first four arguments travel in registers
 * by their place, each in an integer or in a floating register by its type, so
 * there is one type of function for each of the sixteen patterns; the others
 * are 64 bits each on the stack, whatever their type. On ARM64 the registers
 * are as on every other system. */
#include <errno.h>
#include <string.h>

#include "../core/prs_native.h"
#include "platform.h"

#define WORDS uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t
#define FLOATS double, double, double, double, double, double, double, double

bool prs__native_is_known(void) {
#if defined(_M_X64) || defined(__x86_64__) || defined(_M_ARM64) || \
    defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

bool prs__native_is_mapped(uintptr_t address) {
  MEMORY_BASIC_INFORMATION found;
  return VirtualQuery((const void *)address, &found, sizeof found) != 0 &&
         found.State == MEM_COMMIT;
}

#if defined(_M_X64) || defined(__x86_64__)

#define W uint64_t
#define D double
#define REST WORDS, W, W, W, W
#define PASS_REST s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12], s[13]
#define CASE(R, pattern, A, B, C, E, a, b, c, e)                            \
  case pattern:                                                             \
    return ((R(*)(A, B, C, E, REST))call->function)(a[0], b[1], c[2], e[3], \
                                                    PASS_REST);

/* Bit i of the pattern: argument i is a floating one. */
#define CALLER(name, R)                                                     \
  static R name(const prs_native_call_t *call) {                            \
    const uint64_t *s = call->slots;                                        \
    double f[4];                                                            \
    memcpy(f, s, sizeof f);                                                 \
    switch (call->floating & 15u) {                                         \
      CASE(R, 1, D, W, W, W, f, s, s, s)                                    \
      CASE(R, 2, W, D, W, W, s, f, s, s)                                    \
      CASE(R, 3, D, D, W, W, f, f, s, s)                                    \
      CASE(R, 4, W, W, D, W, s, s, f, s)                                    \
      CASE(R, 5, D, W, D, W, f, s, f, s)                                    \
      CASE(R, 6, W, D, D, W, s, f, f, s)                                    \
      CASE(R, 7, D, D, D, W, f, f, f, s)                                    \
      CASE(R, 8, W, W, W, D, s, s, s, f)                                    \
      CASE(R, 9, D, W, W, D, f, s, s, f)                                    \
      CASE(R, 10, W, D, W, D, s, f, s, f)                                   \
      CASE(R, 11, D, D, W, D, f, f, s, f)                                   \
      CASE(R, 12, W, W, D, D, s, s, f, f)                                   \
      CASE(R, 13, D, W, D, D, f, s, f, f)                                   \
      CASE(R, 14, W, D, D, D, s, f, f, f)                                   \
      CASE(R, 15, D, D, D, D, f, f, f, f)                                   \
      default:                                                              \
        break;                                                              \
    }                                                                       \
    return ((R(*)(W, W, W, W, REST))call->function)(s[0], s[1], s[2], s[3], \
                                                    PASS_REST);             \
  }

/* What a function without a result leaves in the register is not looked at. */
CALLER(call_word, uint64_t)
CALLER(call_double, double)
CALLER(call_float, float)

#else

#define CALLER(name, R)                                                        \
  static R name(const prs_native_call_t *call) {                               \
    uint64_t w[PRS_NATIVE_WORDS] = {0};                                        \
    double f[PRS_NATIVE_FLOATS] = {0};                                         \
    uint32_t word = 0;                                                         \
    uint32_t floating = 0;                                                     \
    for (uint32_t i = 0; i < call->count; i++) {                               \
      if ((call->floating >> i & 1) == 0 && word < PRS_NATIVE_WORDS)           \
        w[word++] = call->slots[i];                                            \
      else if (floating < PRS_NATIVE_FLOATS)                                   \
        memcpy(&f[floating++], &call->slots[i], sizeof *f);                    \
    }                                                                          \
    return ((R(*)(WORDS, FLOATS))call->function)(w[0], w[1], w[2], w[3], w[4], \
                                                 w[5], f[0], f[1], f[2], f[3], \
                                                 f[4], f[5], f[6], f[7]);      \
  }

CALLER(call_word, uint64_t)
CALLER(call_double, double)
CALLER(call_float, float)

#endif

void prs__native_call(prs_native_call_t *call) {
  double wide;
  float narrow;
  errno = 0;
  switch (call->kind) {
    case PRS_NATIVE_VOID:
    case PRS_NATIVE_WORD:
      call->result = call_word(call);
      break;
    case PRS_NATIVE_DOUBLE:
      wide = call_double(call);
      memcpy(&call->result, &wide, sizeof wide);
      break;
    case PRS_NATIVE_FLOAT:
      narrow = call_float(call);
      memcpy(&call->result, &narrow, sizeof narrow);
      break;
  }
  call->error = errno;
}
