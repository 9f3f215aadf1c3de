/* Fork: one list of those who must be told, and the generation number. */
#include "prs_core.h"

static prs_fork_part_t *parts; /* last added first */
static _Atomic uint32_t generation;

uint32_t prs_fork_generation(void) { return atomic_load(&generation); }

_Atomic uint32_t *prs__fork_generation_word(void) { return &generation; }

void prs__fork_add(prs_fork_part_t *part) {
  part->next = parts;
  parts = part;
}

static void prepare(void) {
  for (prs_fork_part_t *part = parts; part != NULL; part = part->next)
    if (part->prepare != NULL) part->prepare();
}

/* Parts undo in the order in which they prepared: each holds one lock, and
 * the order of unlocking does not matter. */
static void in_parent(void) {
  for (prs_fork_part_t *part = parts; part != NULL; part = part->next)
    if (part->parent != NULL) part->parent();
}

static void in_child(void) {
  atomic_fetch_add(&generation, 1);
  for (prs_fork_part_t *part = parts; part != NULL; part = part->next)
    if (part->child != NULL) part->child();
}

int prs__fork_init(void) {
  return prs__fork_install(prepare, in_parent, in_child);
}
