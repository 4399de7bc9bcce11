/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_NODEMASK_H
#define _TMEM_USER_NODEMASK_H

#define NUMA_NO_NODE		(-1)
#define nr_node_ids		2
#define num_online_nodes()	nr_node_ids
#define for_each_node(nid)	for ((nid) = 0; (nid) < nr_node_ids; (nid)++)

#endif
