/* One breath of a spinning CPU. */
#ifndef PRS_PAUSE_H
#define PRS_PAUSE_H

#if defined(__x86_64__) || defined(__i386__)
#define PRS_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__) || defined(__arm__)
#define PRS_PAUSE() __asm__ volatile("yield")
#elif defined(_M_X64) || defined(_M_IX86) || defined(_M_ARM64)
#include <intrin.h>
#if defined(_M_ARM64)
#define PRS_PAUSE() __yield()
#else
#define PRS_PAUSE() _mm_pause()
#endif
#else
#define PRS_PAUSE() atomic_signal_fence(memory_order_seq_cst)
#endif

#endif
