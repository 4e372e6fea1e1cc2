"""Codes that say the same region: the one that it goes by here, then its others.

They are all retired codes (SRT) of CT, MR and PET Anatomy Imaged (CID 4030) and Common Anatomic Regions (CID 4031), the
codes that others took the place of since (CP 1962, CP 2166), and the aorta. A test holds them to pydicom's tables.
Source: DICOM PS3.16, annex L and its context groups.
"""

from typing import Final

SAID: Final = """
113345001 T-D4000 818981001: abdomen
416949008 R-FAB57 818982008: abdomen and pelvis
7832008 T-42500: abdominal aorta
85856004 T-15420: acromioclavicular joint
23451007 T-B3000: adrenal gland
70258002 T-15750: ankle joint
53505006 T-59900: anus
15825003 T-42000: aorta
57034009 T-42300: aortic arch
86598002 T-280A0: apex of lung
28273000 T-60610: bile duct
34707002 T-60600: biliary tract
89837001 T-74000: bladder
72001000 T-12700: bone of lower limb
371195002 T-D0821: bone of upper limb
12738006 T-A0100: brain
76752008 T-04000: breast
955009 T-26000: bronchus
80144004 T-12770: calcaneus
69105007 T-45010: carotid artery
113305005 T-A6000: cerebellum
122494005 T-11501: cervical spine
297171002 T-D00F7 1217257000: cervico-thoracic spine
51185008 T-D3000 816094009: chest
416550000 R-FAB55: chest and abdomen
416775004 R-FAB56: chest, abdomen and pelvis
11279006 T-45520: circle of willis
51299004 T-12310: clavicle
64688005 T-11BF0: coccyx
71854001 T-59300: colon
79741001 T-64500: common bile duct
41801008 T-43000: coronary artery
128320002 T-A0191: cranial venous system
38848004 T-58200: duodenum
16953009 T-15430: elbow joint
38266002 T-D0010: entire body
32849002 T-56000: esophagus
110861005 T-DD163: esophagus, stomach and duodenum
66019005 T-D0300: extremity
81745001 T-AA000: eye
371398005 T-D0801: eye region
91397008 T-11196: facial bones
71341001 T-12710: femur
87342007 T-12750: fibula
7569003 T-D8800: finger
56459004 T-D9700: foot
14975008 T-D8500: forearm
28231008 T-63000: gallbladder
85562004 T-D8700: hand
69536005 T-D1100: head
774007 T-D1000: head and neck
80891009 T-32000: heart
29836001 T-D2500: hip
24136001 T-15710: hip joint
85050009 T-12410: humerus
34516001 T-58600: ileum
299716001 T-41068: iliac and/or femoral artery
22356005 T-12340: ilium
361078006 T-AB959: internal auditory canal
661005 T-D1213: jaw region
21306003 T-58400: jejunum
64033007 T-71000: kidney
72696002 T-D9200: knee
14742008 T-59000: large intestine
4596009 T-24100: larynx
10200004 T-62000: liver
303270005 T-50007: liver and biliary structure
30021000 T-D9400: lower leg
61685007 T-D9000: lower limb
122496007 T-11503: lumbar spine
297173004 T-D00F9 1217253001: lumbo-sacral spine
91609006 T-11180: mandible
59066005 T-11133: mastoid bone
70925003 T-11170: maxilla
72410000 T-D3300: mediastinum
102292000 T-14668: muscle of lower limb
30608006 T-13600: muscle of upper limb
74386004 T-11149: nasal bone
45048000 T-D1600: neck
417437006 R-FAB52: neck and chest
416152001 R-FAB53: neck, chest and abdomen
416319003 R-FAB54: neck, chest, abdomen and pelvis
55024004 T-11102: optic canal
363654007 T-D14AE: orbital structure
15776009 T-65000: pancreas
69930009 T-65010: pancreatic duct
110621006 T-65600: pancreatic duct and bile duct systems
2095001 T-22000: paranasal sinus
111002 T-B7000: parathyroid
45289007 T-61100: parotid gland
64234005 T-12730: patella
12921003 T-D6000 816092008: pelvis
706342009 R-FE0C7: phantom
41216001 T-92000: prostate
81040000 T-44000: pulmonary artery
34402009 T-59600: rectum
2841007 T-46600: renal artery
113197003 T-11300: rib
297174005 T-D00FA 1217254007: sacro-coccygeal spine
39723000 T-15680: sacroiliac joint
54735007 T-11AD0: sacrum
79601000 T-12280: scapula
42575006 T-D1460: sella turcica
58742003 T-12980: sesamoid bones of foot
16982005 T-D2220: shoulder
89546000 T-11100: skull
30315005 T-58000: small intestine
421060004 T-D04FF: spine
78961009 T-C3000: spleen
7844006 T-15610: sternoclavicular joint
56873002 T-11210: sternum
69695003 T-57000: stomach
54019009 T-61300: submandibular gland
27949001 T-15770: tarsal joint
53620006 T-15290: temporomandibular joint
40689003 T-94000: testis
68367000 T-D9100: thigh
113262008 T-42070: thoracic aorta
122495006 T-11502: thoracic spine
297172009 T-D00F8 1217256009: thoraco-lumbar spine
76505004 T-D8810: thumb
9875009 T-C8000: thymus
69748006 T-B6000: thyroid
29707007 T-D9800: toe
44567001 T-25000: trachea
40983000 T-D8200: upper arm
53120007 T-D8000: upper limb
431491007 T-7000B: upper urinary tract
87953007 T-73000: ureter
13648007 T-75000: urethra
35039007 T-83000: uterus
110639002 T-88920: uterus and fallopian tubes
110517009 T-11011: vertebral column and cranium
74670003 T-15460: wrist joint
13881006 T-11166: zygoma
"""

CODES: Final = {
    one: tuple(others)
    for codes, _, _ in (line.partition(":") for line in SAID.split("\n") if line)
    for one, *others in [codes.split()]
}
"""By the code (SCT) of a region the others of it: SRT; where they are digits, SCT."""
