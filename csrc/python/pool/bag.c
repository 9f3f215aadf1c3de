/* Bag: tasks in the order in which they came. Under its pool's guard. */
#include <stdlib.h>

#include "pool.h"

#define FIRST_SPACE 16
#define KEPT_SPACE 4096 /* an empty one above it is given back */

static bool grow(prs_bag_t *bag) {
  size_t space = bag->space == 0 ? FIRST_SPACE : bag->space * 2;
  prs_task_t **tasks = malloc(space * sizeof(prs_task_t *));
  if (tasks == NULL) return false;
  for (size_t i = 0; i < bag->count; i++)
    tasks[i] = bag->tasks[(bag->head + i) & (bag->space - 1)];
  free(bag->tasks);
  bag->tasks = tasks;
  bag->space = space;
  bag->head = 0;
  return true;
}

bool prs__bag_put(prs_bag_t *bag, prs_task_t *task) {
  if (bag->count == bag->space && !grow(bag)) return false;
  bag->tasks[(bag->head + bag->count++) & (bag->space - 1)] = task;
  return true;
}

prs_task_t *prs__bag_take(prs_bag_t *bag) {
  if (bag->count == 0) return NULL;
  prs_task_t *task = bag->tasks[bag->head];
  bag->head = (bag->head + 1) & (bag->space - 1);
  if (--bag->count == 0 && bag->space > KEPT_SPACE) {
    free(bag->tasks);
    *bag = (prs_bag_t){NULL, 0, 0, 0};
  }
  return task;
}
