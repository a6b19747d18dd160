-- What unasked mail offers, by trade. A word of these trades stands in honest mail as well: each rule asks for phrases that
-- sell, and weighs less than the threshold. They belong to the group "content", see 50-content.lua; what shops sell too to
-- "advertising", see 52-advertising.lua.

-- phrases { "act now", "limited time" }: see 50-content.lua.
local function phrases(list)
  local all = {}
  for i, phrase in ipairs(list) do
    all[i] = phrase:gsub(" \\?", "[\\s\\x{A0}]*"):gsub(" ", "[\\s\\x{A0}]{1,4}", 1):gsub(" ", "[\\s\\x{A0}]+")
  end
  return "(?i)\\b(?:" .. table.concat(all, "|") .. ")\\b"
end

-- ---------------------------------------------------------------- body and health

-- "V1AGRA", "C I A L I S", "VlAGRA": who writes so knows that the word itself would be caught.
rule "PHARMACY_DISGUISED" {
  about = "the message offers medicines, and misspells them to get past filters",
  score = 3.0,
  group = "content",
  body = "(?i)\\b(?:v[1l!|][a4@][gq]r[a4@]|v[i1l!|][4@][gq]r[a4@]|v[i1l!|][a4@]qr[a4@]|viagr[4@]"
    .. "|c[1l!|][a4@][l1i!|][i1l!|][s5]|ci[4@][l1i!|][i1l!|][s5]|cia[1!|][i1l!|][s5]|cial[1!|][s5]|ciali5"
    .. "|v[\\s._*-]{1,2}[i1l!|][\\s._*-]{1,2}[a4@][\\s._*-]{1,2}[gq][\\s._*-]{1,2}r[\\s._*-]{1,2}[a4@]"
    .. "|c[\\s._*-]{1,2}[i1l!|][\\s._*-]{1,2}[a4@1][\\s._*-]{1,2}[l1i!|][\\s._*-]{1,2}[i1l!|][\\s._*-]{1,2}[s5])\\b",
  examples = {
    { hit = true, text = "V1AGRA and V 1 A G R A" },
    { hit = true, text = "C.i.a.l.i.s" },
    { hit = false, text = "Viagra and Cialis were in the news." },
  },
}

rule "ENHANCEMENT" {
  about = "the message offers means for the bedroom",
  score = 2.0,
  group = "content",
  body = phrases {
    "(?:male|penis|breast|bust|sexual|natural) (?:enhancement|enlargement|enlarge|performance|potency|power|stamina|desire|"
      .. "health|drive)",
    "erect(?:ion|ile)s?",
    "(?:bigger|larger|longer|thicker|harder|huge|monster|strong(?:er)?) (?:penis|erections?|dick|cock|tool|manhood|orgasms?|"
      .. "ejaculations?)",
    "(?:your|his|her|sex(?:ual)?|love|intimate|bed(?:room)?) (?:libido|penis|manhood|dick|stiffy?|tool|wang|sex life|"
      .. "life in bed|sexual)",
    "(?:last|lasting|perform) longer (?:in bed)?", "(?:make|making) love", "love ?making",
    "(?:satisfy|please|pleasure) (?:her|your (?:woman|lady|girl|wife|partner|lover))",
    "(?:your|her) (?:woman|lady|girl|girlfriend|lover) (?:will|to|in|every|with)",
    "inches? (?:bigger|longer|in length|to your)", "in (?:size|length) and (?:width|girth)",
    "impotence", "premature ejac\\w+", "(?:nights?|life) of (?:love|passion|pleasure)", "aphrodisiac",
    "intima(?:te|cy) (?:life|tonic|problems?)",
    "male (?:pills?|pilules?|formula|supplements?|organ)", "lovers?'? drug",
    "blue pills?", "potency", "super ?viagra",
  },
  examples = {
    { hit = true, text = "Larger\npenis in weeks" },
    { hit = false, text = "The performance of the tool is better now; to optimize it would be premature." },
  },
}

rule "DIET" {
  about = "the message offers to lose weight or to stay young",
  score = 1.5,
  group = "content",
  body = phrases {
    "(?:lose|drop|shed) (?:up to |over )?(?:[0-9.]+ ?)?(?:(?:extra|unwanted|excess|those) )?(?:pounds|lbs|inches|kilos?)",
    "lose (?:weight (?:fast|now|today|without|while|in)|(?:unwanted|excess) weight)",
    "burn(?:s|ing)? (?:body )?(?:fat|calories)",
    "(?:diet|slimming|fat(?:-| )burn(?:ing|er)|weight(?:-| )loss) (?:pills?|patch|plan|program|product|supplement|formula|"
      .. "secret|system)s?",
    "weight ?l[o0][s5]{2}",
    "human growth hormone", "anti(?:-| )?ag(?:e?ing)", "hgh",
    "(?:reverse|slow|stop|look) (?:the )?(?:ag(?:e?ing)|younger|years younger)", "hair (?:loss|growth|removal)",
    "metaboli(?:sm|c) (?:rate|boost)", "herbal (?:remed|supplement|formula|viagra|alternative|product)\\w*",
    "(?:hoodia|acai|garcinia|keto) (?:gummies|berry|diet|pills?|gordonii|cambogia)",
    "(?:reduce|fewer|remove|fight) wrinkles", "cellulite", "quit smoking", "stop snoring",
    "(?:blood sugar|joint pain|tinnitus) (?:support|formula|relief|secret)", "cbd (?:oil|gummies)",
  },
  examples = {
    { hit = true, text = "Lose 20 pounds in a week" },
    { hit = false, text = "The pound lost against the dollar. The doctor says that I have to lose weight." },
  },
}

rule "ONLINE_DRUGS" {
  about = "the message sells medicines without a doctor",
  score = 1.5,
  group = "content",
  body = phrases {
    "no (?:prior )?(?:prescription|doctor|rx)(?: (?:needed|required|necessary|visit))?",
    "without (?:a )?(?:prescription|doctor'?s?)", "(?:generic|brand) (?:drugs?|meds?|medications?|viagra|rx)",
    "pharmac(?:y|ies) (?:online|store|shop|express)",
    "(?:discount|cheap|online|world|trusted|licensed|your|best|canadian|internet|mail) (?:[a-z]+ )?(?:pharmacy|meds|pills|"
      .. "medications?|drug ?store)",
    "(?:buy|order|cheap|discount) (?:[a-z]+ ){0,2}(?:pills?|tablets?|meds?|drugs|medications?|steroids?)", "pain ?killers?",
    "(?:weight|pain|sleep|anxiety) (?:[a-z]+ )?(?:meds?|pills?)", "no ?prescription ?need",
    "obat (?:aborsi|penggugur|telat|kuat|cytotec)", "(?:jual|beli|harga) (?:obat|cytotec|pil)", "aborsi",
    "abortion (?:pills?|clinic)", "fake (?:notes|money|documents?)", "ssd (?:chemical|solution)",
  },
  examples = {
    { hit = true, text = "No prescription needed" },
    { hit = false, text = "The doctor writes a prescription when it is needed." },
  },
}

-- ---------------------------------------------------------------- money

rule "MORTGAGE" {
  about = "the message offers loans, mortgages or insurance that nobody has asked for",
  score = 1.2,
  group = "content",
  body = phrases {
    "refinanc(?:e|ing)", "home ?(?:-| )?(?:loans?|equity|owners? (?:insurance|loan))",
    "mortgage (?:rates?|loans?|quotes?|lenders?|payments?|brokers?|compan)\\w*",
    "(?:interest|mortgage|loan) rates? (?:are|as|have|from|drop|so)",
    "debt (?:consolidat|relief|settlement|free|reduction)\\w*",
    "consolidat(?:e|ing|ion) (?:your |all )?(?:bills|debts?|loans?)?",
    "foreclosure (?:search|list|propert|toolkit|home|sale)\\w*", "in debt for",
    "(?:bad|poor|no|clear up your|repair|perfect) credit(?: (?:history|rating|report|score|ok|problem))s?",
    "low(?:er|est)? (?:your )?(?:monthly )?(?:payments?|interest|rates?)", "life insurance (?:quotes?|rates?|polic(?:y|ies)|for)",
    "(?:out of|eliminate|reduce|get rid of) (?:your |all (?:your )?)?debts?",
    "(?:insurance|loan|lender)s? (?:quotes?|offers|approval)", "(?:free|compare|instant) (?:quotes?|rates?)",
    "cash (?:advance|loan|for your)", "pre-?approved", "unsecured (?:loan|credit|card)s?",
    "credit (?:card|repair|counsel)\\w* (?:debt|offer|approv|process|compan)\\w*", "merchant account",
    "pinjaman|kredit tanpa agunan", "loan (?:amount|of \\$|at [0-9]|company|lender)",
    "(?:business|personal|student|payday|auto|car|all (?:kinds|types) of) loans?", "loan scheme", "[0-9.]+ ?% interest",
  },
  examples = {
    { hit = true, text = "Refinance your home: rates as low as 3%" },
    { hit = false, text = "The interest of the talk was low." },
    { hit = false, text = "The loan of \"The river\" ends on Monday. The interest rate is as agreed." },
  },
}

rule "WORK_AT_HOME" {
  about = "the message promises an income for little work",
  score = 1.6,
  group = "content",
  body = phrases {
    "home(?:-| )based (?:business|job|income)", "(?:your )?own boss",
    "(?:extra|residual|passive|monthly|weekly|substantial|unlimited|additional|second|serious|steady|full-time) income",
    "income (?:opportunit|potential|stream|from home|level)\\w*", "business opportunit(?:y|ies)",
    "(?:earn|make|making|earning|generate|made) (?:\\S+ ){0,3}(?:thousands|cash|a living|commissions?|money (?:from|on|with|"
      .. "online|fast))",
    "\\$ ?[0-9][0-9,.]* ?k? ?(?:per|a|each|every) (?:day|week|month|hour)",
    "(?:no|without) (?:selling|inventory|special skills|cold calling)", "(?:work|working|business) (?:from|at) (?:your )?home",
    "work(?:ing)? at home", "mlm", "down ?line", "up ?line", "multi(?:-| )level", "network marketing", "pyramid",
    "get(?:ting)? paid (?:to|for|daily|weekly|every|\\$)",
    "financial(?:ly)? (?:free(?:dom)?|independen(?:t|ce)|secur(?:e|ity))",
    "ground floor", "data entry", "typing jobs?", "part(?:-| |/)full(?:-| )time",
    "money (?:making|machine|maker)", "quit (?:your|my) (?:day )?job",
    "lifestyle you", "this really works", "i (?:was|am) (?:a )?skeptical", "chain letter", "reports? #[1-5]",
    "(?:become|next|self-made|internet) (?:a )?millionaires?", "millionaire (?:maker|secret|mind)s?",
    "wealth(?:y)? (?:building|creation|secret)",
  },
  examples = {
    { hit = true, text = "Be your own boss with a home based business" },
    { hit = false, text = "Our boss works from the office at home." },
  },
}

rule "STOCK_TIP" {
  about = "the message recommends to buy a share",
  score = 1.5,
  group = "advertising",
  body = phrases {
    "(?:strong|immediate|aggressive) buy", "stock ?(?:alert|pick|tip|watch|report|profile)s?", "stock symbol:?", "hot stocks?",
    "(?:penny|small(?:-| )cap|micro(?:-| )cap|otc|undervalued) stocks?", "(?:target|opening) price:?",
    "(?:symbol|ticker):", "forward(?:-| )looking statements?", "otc ?bb", "otc:",
    "(?:shares|stock) (?:outstanding|is (?:set|about|poised)|will (?:soar|explode|rise))", "investor alert", "pink ?sheets",
    "(?:short|long)(?:-| )term target", "trading (?:alert|idea|signals?)", "forex",
    "(?:crypto|bitcoin|binary|trading) (?:\\S+ )?(?:signals?|robot|profits?|investments?|platform)",
    "return on (?:your )?investment", "roi of",
    "day trad(?:er|ing)", "section 27a", "investment (?:opportunit|advice|newsletter)\\w*",
  },
  examples = {
    { hit = true, text = "Strong buy: symbol: ABCD, target price: $3" },
    { hit = false, text = "The shop has it in stock at this price." },
    { hit = false, text = "10 shares, share price: $12.30" },
  },
}

-- ---------------------------------------------------------------- goods, papers, customers

-- Copies are another rule's matter (COUNTERFEITS).
rule "WATCHES" {
  about = "the message sells expensive watches and bags",
  score = 1.2,
  group = "advertising",
  body = phrases {
    "rolex(?:es)?",
    "(?:swiss|luxury|designer|quality|brand(?:ed)?|exclusive|expensive|fashionable|elite) (?:watch(?:es)?|time ?pieces?|"
      .. "handbags?|bags|purses|shoes|accessor(?:y|ies))",
    "(?:breitling|cartier|omega|panerai|patek|tag heuer|bvlgari|vuitton|gucci|prada|chanel) (?:watch(?:es)?|bags?|replica|style)",
    "time ?pieces?", "watches (?:online|models?)", "your watch(?:es)?",
  },
  examples = {
    { hit = true, text = "Swiss watches and designer bags" },
    { hit = false, text = "Please watch the video." },
  },
}

rule "DIPLOMA" {
  about = "the message sells degrees without study",
  score = 2.0,
  group = "content",
  body = phrases {
    "(?:bachelor|master|mba|doctorate|phd|college|university)s?'?s?,? (?:(?:and|or|degree|diploma|doctorate|phd|mba|"
      .. "masters?) ?){0,3}(?:degrees?|diplomas?)(?: (?:in|within|based|from|today|now|program|online))?",
    "(?:get|earn|obtain|buy|receive|order) (?:a |your |an? )?(?:\\S+ )?(?:diploma|degree|mba)", "non(?:-| )?accredited",
    "(?:diploma|degree)s? (?:you (?:want|need|deserve)|program|online|today)", "no (?:tests?|exams?|classes|study|books)",
    "lack of a degree", "degree holding you",
  },
  examples = {
    { hit = true, text = "Get your university diploma, no tests" },
    { hit = false, text = "She studied law at the university." },
  },
}

rule "CUSTOMERS_FOR_SALE" {
  about = "the message sells addresses, visitors or customers",
  score = 1.2,
  group = "advertising",
  body = phrases {
    "(?:million|thousand|fresh|targeted|verified|opt(?:-| )in|bulk) (?:\\S+ )?(?:e-?mail addresses|e-?mails|leads|contacts|"
      .. "visitors|traffic|hits)",
    "(?:bulk|direct|mass|targeted) (?:e-?mail|mailing|marketing)",
    "e-?mail (?:marketing|advertising|database|cd|blast|promotion)s?",
    "(?:lead|marketing|prospect|attendees?) lists?",
    "(?:search engine|web ?site|internet|online) (?:optimi[sz]ation|placement|submission|traffic|promotion|marketing|"
      .. "advertising|presence)",
    "sales leads?",
    "(?:your|more) (?:web ?site|site|business|product)s?(?: \\S+)? (?:traffic|visitors|customers|listed|promoted|ranking|"
      .. "exposure)",
    "(?:promote|advertise|market|grow) your (?:web ?site|business|product|service|company)s?",
    "(?:advertising|marketing) (?:services?|solution|tool|agency|company|program)s?", "digital marketing",
    "mobile apps? development", "(?:logo|web ?site|web) (?:design|development|redesign) (?:services?|company|package|from|for)",
    "esteemed (?:company|firm)",
    "(?:got|have|learn(?:ed|t)?|know) your (?:esteemed )?(?:company|firm) (?:information|name|e-?mail|from)",
    "(?:toner|ink ?jet|ink|printer) (?:cartridges?|supplies)",
    "(?:fill|buying) .{0,20}bulk", "manufacturers? (?:of|in|from)",
    "(?:leading|professional) (?:manufacturer|producer|supplier|exporter|factory)", "attendee list", "decision makers?",
  },
  examples = {
    { hit = true, text = "Ten million email addresses on one CD" },
    { hit = false, text = "The mailing is about the address book." },
  },
}

rule "ADULT" {
  about = "the message advertises pornography",
  score = 1.5,
  group = "content",
  body = phrases {
    "xxx (?:sites?|pics|movies|videos?|rated)", "(?:free|hot|teen|live|amateur|hardcore) porn",
    "(?:hot|nude|naked|horny|wild|sexy|teen(?:age)?|amateur|asian|russian|live) (?:\\S+ )?(?:girls?|teens?|women|babes?|"
      .. "wives|housewives|singles|chicks?|sluts?|ladies|sex|models)",
    "hard ?core (?:sex|porn|action|teens?|pics|movies?)", "live (?:sex|cams?|girls)",
    "web ?cams? (?:girls?|sex|show|chat)",
    "(?:adult|sex) (?:sites?|dating|dvds?|passwords?|club|movies?|videos?|content|toys?|entertainment|chat|friend)",
    "horny", "suck(?:s|ing)? (?:my|his|your) (?:cock|dick)", "(?:sucking|hard|big) cocks?", "sex play",
    "lesbian (?:sex|teens?|action)",
    "barely legal", "paysites?", "celeb(?:s|rities) (?:exposed|naked)", "(?:babes|girls|teens) (?:on|playing|exposed|shaved)",
    "cum ?shots?", "pussy", "blow ?jobs?", "lolitas?", "incest (?:porn|sites?|pics)", "nudes",
    "escorts? (?:service|girls?)", "onlyfans", "sex (?:now|tonight|tape|partners?)", "panties",
  },
  examples = {
    { hit = true, text = "Hot Russian girls, live cams" },
    { hit = false, text = "The girls of the school live in a hot country." },
    { hit = false, text = "Play responsibly, you must be 18 or over. A young girl won." },
  },
}

rule "DATING" {
  about = "a stranger writes who seeks a friend or a marriage",
  score = 1.5,
  group = "content",
  body = phrases {
    "(?:lonely|single|beautiful|attractive|russian|ukrainian|ladies|local) (?:\\S+ )?(?:singles|ladies|women|girls?|brides?|"
      .. "lady|female|woman|man looking)",
    "(?:seeking|looking for|want|searching for) (?:a )?(?:\\S+ )?(?:relationship|husband|soul ?mate|friendship|love|serious|"
      .. "marriage|true love|special (?:man|woman|someone))",
    "i (?:am|'m) (?:a )?(?:lonely|single|young)(?: \\S+)? (?:girl|lady|woman|man|female|years)",
    "(?:my|see|some|new|hot) (?:new )?(?:photos?|pics|pictures) (?:here|of me)",
    "(?:saw|seen|viewed) your (?:profile|photo|picture)",
    "(?:get|getting) to know (?:you|each other|me)", "dating (?:site|service|agency|online)", "secret (?:admirer|crush)",
    "has a crush", "know (?:you|me) (?:better|more)", "write (?:me|to me) (?:back|soon)", "my (?:private )?pics",
    "sent you a (?:wink|pic)",
    "age (?:does not|doesn'?t|is not) matter", "be (?:your|my) (?:friend|wife|husband)", "love at first",
  },
  examples = {
    { hit = true, text = "I am a lonely young lady, seeking a serious relationship" },
    { hit = false, text = "The singles of the tennis club start at ten." },
    { hit = false, text = "I found your profile and would like to talk about a position. Tom sent you a message." },
  },
}

rule "TRIPS_AND_TELEPHONES" {
  about = "the message sells journeys, telephone lines, television or the like",
  score = 1.0,
  group = "advertising",
  body = phrases {
    "(?:free|dream|discount|cheap|luxury|caribbean|florida|cruise) (?:vacation|cruise|getaway|travel|holiday|hotel|flights?)s?",
    "time ?shares?", "(?:cell|mobile) (?:phone )?(?:plans?|boosters?|accessor|service)\\w*",
    "long distance (?:calls?|rates?|service|phone)?", "satellite (?:tv|dish|television|system)",
    "cable (?:tv|descrambler|filter|box|bill)s?", "(?:calling|phone) cards?", "descramblers?", "home warranty",
    "(?:car|auto|vehicle)(?:'s)? (?:warranty|insurance|loans?)", "vehicle service", "solar (?:panels?|power|energy)",
    "digital cable",
    "all(?:-| )inclusive", "cents? (?:a|per) minute", "background check", "detective",
    "(?:find|spy|snoop) (?:out )?(?:anything|on) (?:about )?(?:anyone|anybody)", "copy (?:any )?dvds?", "oem software",
    "(?:cheap|discount|oem) software", "(?:cheap|discount|half price|duty free) (?:cigarettes?|smokes|tobacco)",
    "(?:cartons?|packs?) of cigarettes", "software (?:at|for) (?:low|cheap|discount)",
  },
  examples = {
    { hit = true, text = "Cheap cruises, and satellite TV for all" },
    { hit = false, text = "The cable of the television is too short." },
  },
}

rule "LOAN_OFFER" {
  about = "the message offers a loan to whoever reads it",
  score = 1.5,
  group = "content",
  body = phrases {
    "(?:do|if) you (?:are in )?need (?:of )?(?:an? )?(?:urgent )?(?:business )?(?:loan|funding)", "urgent loan",
    "loan (?:offers?|application form)", "(?:we|i) (?:offer|provide|give) (?:\\S+ ){0,4}loans?",
    "loans? at (?:an? )?(?:low )?(?:interest|[0-9]+ ?%)", "(?:need|looking for) a (?:business|personal) loan",
  },
  examples = {
    { hit = true, text = "Do you need an urgent loan?" },
    { hit = false, text = "The library has extended your loan by two weeks." },
  },
}
