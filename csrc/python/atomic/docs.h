/* Docstrings of the methods that several atomic types have. `T` is the type's
 * name, the other arguments are values for the example. */
#ifndef PRS_ATOMIC_DOCS_H
#define PRS_ATOMIC_DOCS_H

#define PRS_DOC_LOAD(T, a)                            \
  "load(order=None)\n--\n\n"                          \
  "Return the value: Rust's `load`.\n\n"              \
  "Raises:\n"                                         \
  "    ValueError: `order` is Release or AcqRel.\n\n" \
  ">>> " T "(" a ").load()\n" a "\n"

#define PRS_DOC_STORE(T, a, b)                            \
  "store(val, order=None)\n--\n\n"                        \
  "Store a value and return nothing: Rust's `store`.\n\n" \
  "Raises:\n"                                             \
  "    ValueError: `order` is Acquire or AcqRel.\n\n"     \
  ">>> atomic = " T "(" a                                 \
  ")\n"                                                   \
  ">>> atomic.store(" b                                   \
  ")\n"                                                   \
  ">>> atomic.load()\n" b "\n"

#define PRS_DOC_SWAP(T, a, b)                                   \
  "swap(val, order=None)\n--\n\n"                               \
  "Store a value and return the one before: Rust's `swap`.\n\n" \
  ">>> atomic = " T "(" a                                       \
  ")\n"                                                         \
  ">>> atomic.swap(" b                                          \
  "), atomic.load()\n"                                          \
  "(" a ", " b ")\n"

#define PRS_DOC_EXCHANGE(T, a, b, how)                           \
  "compare_exchange(current, new, success=None, failure=None)\n" \
  "--\n\n"                                                       \
  "Store `new` if the value is `current`: Rust's "               \
  "`compare_exchange`.\n\n" how                                  \
  "Returns:\n"                                                   \
  "    `Ok` of the value before, or `Err` of the value, which "  \
  "is another one and stays.\n\n"                                \
  "Raises:\n"                                                    \
  "    ValueError: `failure` is Release or AcqRel.\n\n"          \
  ">>> atomic = " T "(" a                                        \
  ")\n"                                                          \
  ">>> atomic.compare_exchange(" a ", " b                        \
  ")\n"                                                          \
  "Ok(" a                                                        \
  ")\n"                                                          \
  ">>> atomic.compare_exchange(" a ", " b                        \
  ")\n"                                                          \
  "Err(" b ")\n"

#define PRS_DOC_EXCHANGE_WEAK(T, a, b)                          \
  "compare_exchange_weak(current, new, success=None, "          \
  "failure=None)\n--\n\n"                                       \
  "Do what `compare_exchange` does, or fail for no reason: "    \
  "Rust's `compare_exchange_weak`.\n\n"                         \
  "For loops that try again anyhow.\n\n"                        \
  "Returns:\n"                                                  \
  "    `Ok` of the value before, or `Err` of the value, which " \
  "stays.\n\n"                                                  \
  "Raises:\n"                                                   \
  "    ValueError: `failure` is Release or AcqRel.\n\n"         \
  ">>> atomic = " T "(" a                                       \
  ")\n"                                                         \
  ">>> while atomic.compare_exchange_weak(" a ", " b            \
  ").is_err():"                                                 \
  "\n"                                                          \
  "...     pass\n"                                              \
  ">>> atomic.load()\n" b "\n"

/* An operation on the value and an operand. */
#define PRS_DOC_FETCH(name, what, T, a, operand, b)   \
  "fetch_" name "(val, order=None)\n--\n\n" what      \
  " and return the value before: Rust's `fetch_" name \
  "`.\n\n"                                            \
  ">>> atomic = " T "(" a                             \
  ")\n"                                               \
  ">>> atomic.fetch_" name "(" operand                \
  "), atomic.load()\n"                                \
  "(" a ", " b ")\n"

#define PRS_DOC_TRY_UPDATE(name, remark, T, a, f, b)                   \
  name "(f, set_order=None, fetch_order=None)\n--\n\n"                 \
       "Replace the value by what `f` makes of it: Rust's `" name      \
       "`.\n\n" remark                                                 \
       "Args:\n"                                                       \
       "    f: gets the value and returns the new one, or None to "    \
       "leave it. It is called again when\n"                           \
       "        another thread was faster.\n"                          \
       "    set_order: the `Ordering` of the change.\n"                \
       "    fetch_order: that of the loads.\n\n"                       \
       "Returns:\n"                                                    \
       "    `Ok` of the value before, or `Err` of the value when `f` " \
       "returned None.\n\n"                                            \
       "Raises:\n"                                                     \
       "    ValueError: `fetch_order` is Release or AcqRel.\n"         \
       "    Exception: what `f` raised; the value stays.\n\n"          \
       "Blocks: as `f` does.\n\n"                                      \
       ">>> atomic = " T "(" a                                         \
       ")\n"                                                           \
       ">>> atomic." name "(" f                                        \
       "), atomic.load()\n"                                            \
       "(Ok(" a "), " b ")\n"

#define PRS_DOC_UPDATE(T, a, f, b)                               \
  "update(f, set_order=None, fetch_order=None)\n--\n\n"          \
  "Replace the value by what `f` makes of it, and return the "   \
  "one before: Rust's `update`.\n\n"                             \
  "Args:\n"                                                      \
  "    f: gets the value and returns the new one. It is called " \
  "again when another thread was\n"                              \
  "        faster.\n"                                            \
  "    set_order: the `Ordering` of the change.\n"               \
  "    fetch_order: that of the loads.\n\n"                      \
  "Raises:\n"                                                    \
  "    ValueError: `fetch_order` is Release or AcqRel.\n"        \
  "    Exception: what `f` raised; the value stays.\n\n"         \
  "Blocks: as `f` does.\n\n"                                     \
  ">>> atomic = " T "(" a                                        \
  ")\n"                                                          \
  ">>> atomic.update(" f                                         \
  "), atomic.load()\n"                                           \
  "(" a ", " b ")\n"

#define PRS_DOC_INTO_INNER(T, a)                                  \
  "into_inner()\n--\n\n"                                          \
  "Return the value when no other thread uses the atomic any "    \
  "more: Rust's `into_inner`.\n\n"                                \
  "The atomic stays as it is: Python cannot know who else holds " \
  "it.\n\n"                                                       \
  ">>> " T "(" a ").into_inner()\n" a "\n"

/* What holds for all methods of a class. */
#define PRS_DOC_ORDERS                                            \
  "Where a method takes an order, it is an `Ordering`, and None " \
  "stands for SeqCst; a `failure`\n"                              \
  "that is not given is the `success` without its release part. " \
  "What a thread did before a store\n"                            \
  "with Release has happened for whoever loads the stored value " \
  "with Acquire.\n\n"                                             \
  "It has no truth value and cannot be copied or pickled. As a "  \
  "global it is a static of all\n"                                \
  "threads; a closure that is moved shares it with its maker.\n\n"

#endif
