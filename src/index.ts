export { openVm } from './vm/vm.js'
