import { ref, watch } from 'vue'

const STORED = 'hawkline.operator'

/** Who acts. A name on trust until accounts exist. */
export const operator = ref(localStorage.getItem(STORED) ?? '')

watch(operator, (name) => localStorage.setItem(STORED, name))
