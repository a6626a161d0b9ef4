/** Texts of the page on which a site is accepted. */
export const acceptance = {
  acceptance: {
    site: '选择站点',
    print: '打印 / 存为 PDF',
    help: '逐条走一遍警戒线和车道，打开每扇门、触发每个探测器。听到响应后才能判“合格”；不合格的写明问题，改好再试。警戒线改动过的要重新验收。',
    title: '验收记录',
    done: '{all} 项中合格 {accepted} 项。{time}',
    what: '项目',
    state: '结论',
    heard: '响应时间',
    by: '验收人',
    note: '遗留问题',
    justHeard: '刚有响应 {time}',
    picture: '图片',
    accept: '合格',
    refuse: '不合格',
    whatIsWrong: '问题是什么',
    none: '这个站点还没有警戒线、车道或探测器：设备接入并按配置值守后再来。',
    signatures: '施工单位：________________        使用单位：________________        日期：____________',
    kinds: { line: '警戒线', lane: '车道', sensor: '探测器' },
    states: { open: '未验收', accepted: '合格', refused: '不合格', changed: '改动过，需重验' },
  },
}
